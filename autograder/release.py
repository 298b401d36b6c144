"""From ``solutions/`` to ``exercises/``: nbgrader's release, and the recorded answers behind the visible checks."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

import nbformat
from traitlets.config import Config

from autograder import course, judge
from autograder.sandbox import Sandbox
from stabilitylab import exercises, notebooks, workspace

SOLUTIONS = workspace.ROOT / "solutions"


def assignments() -> tuple[str, ...]:
    """The assignments that have a source, by name."""
    return tuple(sorted(path.parent.name for path in SOLUTIONS.glob("*/*.py") if path.stem == path.parent.name))


def generate(name: str, folder: Path, workdir: Path | None = None) -> Path:
    """Makes an assignment's source and release notebooks below ``folder``, and enters the assignment in a gradebook.

    Args:
        name: the assignment.
        folder: gets ``source/`` and ``release/``.
        workdir: holds the gradebook.db, default ``folder`` too.

    Returns:
        The released notebook.
    """
    source = folder / "source" / name
    source.mkdir(parents=True, exist_ok=True)
    notebooks.write(notebooks.derive(SOLUTIONS / name / f"{name}.py"), source / f"{name}.ipynb")
    config = course.configure(Config(), workdir=workdir or folder, source=folder / "source", release=folder / "release")
    course.must(course.api(config).generate_assignment(name, force=True, create=True), f"releasing {name}")
    return folder / "release" / name / f"{name}.ipynb"


def visible_checks(name: str) -> str:
    """The recorded answers of an assignment's visible checks, on the public seed, as JSON: no quiz key is among them."""
    with Sandbox() as sandbox:
        answers = judge.Expected(sandbox, name, exercises.PUBLIC_SEED)
        expected = {grade_id: answers.of(grade_id) for grade_id in answers.right}
    return json.dumps(_rounded(expected), separators=(",", ":"), sort_keys=True) + "\n"


def release(names: Sequence[str], check: bool = False) -> list[str]:
    """Releases assignments, or checks that what is released is exactly what the sources give.

    Args:
        names: assignments; all if empty.
        check: compare only, and write nothing.

    Returns:
        The files that were written or, when checking, that differ from what the sources give.

    Raises:
        ValueError: if there is no such assignment.
        RuntimeError: if an answer, a hidden test or the key of a quiz question would be released.
    """
    unknown = sorted(set(names) - set(assignments()))
    if unknown:
        raise ValueError(f"NAME is {unknown[0]!r}; the assignments are {', '.join(assignments())}")
    found = []
    for name in names or assignments():
        with tempfile.TemporaryDirectory() as folder:
            made = generate(name, Path(folder))
            files = {
                SOLUTIONS / name / f"{name}.ipynb": Path(folder) / "source" / name / f"{name}.ipynb",
                workspace.EXERCISES / name / f"{name}.ipynb": made,
            }
            for kept, fresh in files.items():
                if not kept.exists() or kept.read_bytes() != fresh.read_bytes():
                    found.append(f"{kept.parts[-3]}/{name}/{kept.name}")
                    if not check:
                        workspace.write_atomically(kept, fresh.read_bytes())
            leaked = leaks(name, made.read_text(encoding="utf-8"))
            if leaked:
                raise RuntimeError(f"{name} must not be released: {'; '.join(leaked)}")
        kept, fresh_checks = exercises.CHECKS / f"{name}.json", visible_checks(name)
        if not kept.exists() or not _same_checks(name, json.loads(kept.read_text()), json.loads(fresh_checks)):
            found.append(f"data/checks/{kept.name}")
            if not check:
                workspace.write_atomically(kept, fresh_checks)
    return found


def leaks(name: str, released: str) -> list[str]:
    """What of an assignment's answers stands in a text that learners get, in sentences. Nothing should."""
    cells = nbformat.reads(released, as_version=4).cells
    text = "\n".join(cell.source for cell in cells)
    found = [f"it holds {mark!r}" for mark in ("BEGIN SOLUTION", "END SOLUTION", "HIDDEN TESTS") if mark in text]
    for cell in notebooks.derive(SOLUTIONS / name / f"{name}.py").cells:
        for answer in re.findall(r"### BEGIN SOLUTION\n(.*?)\s*### END SOLUTION", cell.source, flags=re.DOTALL):
            if answer.strip() in text:
                found.append(f"it holds the answer of {cell.metadata.nbgrader.grade_id}")
    for grade_id, key in judge.keys(name).items():
        target = exercises.questions(name)[grade_id].target
        if re.search(rf"{target}\s*=\s*['\"]\w", text) or any(sentence in text for sentence in key.wrong.values()):
            found.append(f"it holds the key of {grade_id}")
    return found


def _same_checks(name: str, kept: dict, fresh: dict) -> bool:
    """Equal but for the last digits, in which machines may differ."""
    if kept.keys() != fresh.keys():
        return False
    for grade_id, now in fresh.items():
        before, probes = kept[grade_id], exercises.questions(name)[grade_id].probes
        if [wrong["sentence"] for wrong in before["wrong"]] != [wrong["sentence"] for wrong in now["wrong"]]:
            return False
        answers = zip(
            [before["right"], *(w["given"] for w in before["wrong"])], [now["right"], *(w["given"] for w in now["wrong"])]
        )
        if not all(exercises.agree(old.get(p.name, {}), new[p.name], p, nan_is_nan=True) for old, new in answers for p in probes):
            return False
    return True


def _rounded(value):
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return value
