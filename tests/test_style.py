"""How the repository's text is laid out: no line that a person edits is longer than 130 characters."""

import re
import subprocess
from pathlib import PurePosixPath

import pytest

from stabilitylab.workspace import ROOT

WIDTH = 130
EDITED = {".py", ".md", ".yaml", ".yml", ".toml", ".cff"}
NAMES = {"Makefile", ".ci/run"}
DATA = ("data/corpus/", "data/evidence/", "data/checks/", "data/runs/")
NOTEBOOK_SOURCES = ("notebooks/", "solutions/")


def files():
    """The tracked files that people edit, as paths from the root."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = [name for name in listed.split("\0") if name and not name.startswith(DATA) and (ROOT / name).is_file()]
    return [name for name in names if PurePosixPath(name).suffix in EDITED or name in NAMES]


def too_long(name, text):
    """``file:line`` of every line that is too long and could be broken."""
    return [
        f"{name}:{number}"
        for number, line in enumerate(text.split("\n"), 1)
        if len(line) > WIDTH and not _cannot_be_broken(name, line)
    ]


def _cannot_be_broken(name, line):
    if name.startswith(NOTEBOOK_SOURCES):
        if line.startswith("# %% "):  # the header of a cell
            return True
        line = line.removeprefix("# ")
    row_of_a_table = line.startswith("|") and line.endswith("|")
    if row_of_a_table and name.endswith((".md", ".py")):
        return name.endswith(".md") or name.startswith(NOTEBOOK_SOURCES)
    # one word, such as an address, whatever marks stand before it
    return len(re.sub(r"^[\s#>*-]+", "", line).split()) == 1


def test_no_line_is_longer_than_130_characters():
    found = [line for name in files() for line in too_long(name, (ROOT / name).read_text(encoding="utf-8"))]
    assert not found, "these lines are longer: " + " ".join(found)


def test_code_prose_and_data_are_all_looked_at():
    assert {
        "stabilitylab/cli.py",
        "autograder/grading.py",
        "tests/test_style.py",
        "notebooks/00_start_here.py",
        "solutions/a1_clipping/a1_clipping.py",
        "data/claims.yaml",
        "data/questions/01_constant_lr_adam.yaml",
        "docs/design.md",
        "docs/experiments.md",
        "pyproject.toml",
        "README.md",
        *NAMES,
    } <= set(files())


WORDS = "a line of words " * 9
ROW = f"| {WORDS}|"
TOKEN = "https://example.org/" + "x" * WIDTH


@pytest.mark.parametrize(
    "name, line, wrong",
    [
        ("stabilitylab/cli.py", f"x = '{WORDS}'", True),
        ("stabilitylab/cli.py", f"# {ROW}", True),
        ("stabilitylab/cli.py", f"# %% {WORDS}", True),
        ("data/claims.yaml", ROW, True),
        ("docs/design.md", WORDS, True),
        ("docs/design.md", f"see {TOKEN}", True),
        ("notebooks/00_start_here.py", f"# {WORDS}", True),
        ("docs/design.md", ROW, False),
        ("docs/design.md", f"- {TOKEN}", False),
        ("stabilitylab/cli.py", f"    # {TOKEN}", False),
        ("notebooks/00_start_here.py", f"# {ROW}", False),
        ("solutions/a1_clipping/a1_clipping.py", f"# %% [markdown] {WORDS}", False),
        ("stabilitylab/cli.py", "x" * WIDTH, False),
    ],
)
def test_only_table_rows_cell_headers_and_single_words_may_be_longer(name, line, wrong):
    assert too_long(name, f"short\n{line}\n") == ([f"{name}:2"] if wrong else [])
