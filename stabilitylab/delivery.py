"""A learner's own copies of the lessons, the exercises and the pages they link to; and how new versions reach them.

``work/`` has the layout of the repository, so a relative link of a lesson leads to the learner's copy of what it leads to on a
code host. Copies of notebooks have no outputs: a question comes before its answer.

The rule for a new version, file by file. A copy that its learner has not edited since it was delivered is replaced. A copy that
was edited stays as it is, and the new version is put beside it, once. What counts as an edit is the text of the cells: running
a notebook or saving it is none. ``work/.delivered.json`` holds, for each file, the fingerprint of what was delivered last.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stabilitylab import workspace

RECORD, VERSION = ".delivered", 1
FILES = ("notebooks/*.ipynb", "exercises/*/*", "docs/claims.md", "docs/experiments.md")
"""What is delivered, as patterns below the root of the repository."""
FIRST = "notebooks/00_start_here.ipynb"
"""The copy that is opened first."""


def deliver(source: Path = workspace.ROOT) -> list[str]:
    """Brings the copies in ``work/`` up to date.

    Args:
        source: the checkout, or a folder of the same layout.

    Returns:
        Sentences for the learner: what is new, what was replaced, what stands beside an edited copy.

    Raises:
        NotWritable: if ``work/`` takes no files.
    """
    delivered = workspace.load(RECORD, VERSION)
    before, new, replaced, kept = dict(delivered), [], [], []
    try:
        for file in sorted(path for pattern in FILES for path in source.glob(pattern) if path.is_file()):
            name = file.relative_to(source).as_posix()
            content = _clean(file)
            version, copy = fingerprint(content), workspace.WORK / name
            own = fingerprint(copy.read_bytes()) if copy.exists() else None
            if own is None:
                workspace.write_atomically(copy, content)
                new.append(name)
            elif own == delivered.get(name) != version:
                workspace.write_atomically(copy, content)
                replaced.append(name)
            elif own != version != delivered.get(name):
                beside = _beside(copy, version, delivered)
                workspace.write_atomically(beside, content)
                edited = f"You have edited {name}" if name in delivered else f"{name} may hold edits of yours"
                delivered[_name(beside)] = version
                kept.append(f"{edited}, so it stays as it is; the new version is beside it: {beside.name}")
            delivered[name] = version
    finally:
        if delivered != before:
            workspace.save(RECORD, VERSION, delivered)
    return [*_told("New", new), *_told("Brought up to date, as you had not edited them", replaced), *kept]


def _told(what: str, names: list[str]) -> list[str]:
    if not names:
        return []
    listed = ", ".join(names) if len(names) <= 3 else f"{len(names)} lessons, exercises and pages"
    return [f"{what}: {listed} in {workspace.WORK}"]


def fingerprint(content: bytes) -> str:
    """Of a notebook's cells, in their order: what kind each is, and its text. Empty cells, outputs and metadata do not count.

    Of anything that is no notebook: of its bytes.
    """
    try:
        cells = [(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(content)["cells"]]
        content = json.dumps([(kind, text) for kind, text in cells if text.strip()]).encode()
    except (ValueError, KeyError, TypeError):
        pass
    return hashlib.sha256(content).hexdigest()


def _clean(file: Path) -> bytes:
    """What is delivered of a file: a notebook without outputs, anything else as it is."""
    if file.suffix != ".ipynb":
        return file.read_bytes()
    notebook: dict[str, Any] = json.loads(file.read_bytes())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return (json.dumps(notebook, indent=1, ensure_ascii=False) + "\n").encode()


def _beside(copy: Path, version: str, delivered: dict[str, str]) -> Path:
    """Where a new version goes: a name that is free, or holds this version or an earlier one that its learner has not edited."""
    endings: Iterator[str] = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
    for path in (copy.with_name(f"{copy.stem}-new-version{ending}{copy.suffix}") for ending in endings):
        if not path.exists() or fingerprint(path.read_bytes()) in (version, delivered.get(_name(path))):
            return path
    raise AssertionError("endless")


def _name(copy: Path) -> str:
    return copy.relative_to(workspace.WORK).as_posix()
