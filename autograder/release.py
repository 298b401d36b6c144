"""From ``solutions/`` to ``exercises/``: nbgrader's release, and the recorded answers behind the visible checks."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from traitlets.config import Config

from autograder import course, judge, orders
from autograder.expected import Expected
from autograder.sandbox.host import Sandbox
from stabilitylab import exercises, workspace
from stabilitylab.exercises import checks
from stabilitylab.lessons import notebooks

SOLUTIONS = workspace.ROOT / "solutions"


def assignments() -> tuple[str, ...]:
    """The assignments that have a source, by name."""
    return tuple(sorted(path.parent.name for path in SOLUTIONS.glob("*/*.py") if path.stem == path.parent.name))


def order(name: str) -> dict[str, str]:
    """The order of the choices in what is released: quiz question -> letters of the source. The source's own if nothing is
    released yet."""
    source, path = notebooks.derive(SOLUTIONS / name / f"{name}.py"), workspace.EXERCISES / name / f"{name}.ipynb"
    return orders.of(source, nbformat.read(path, as_version=4) if path.exists() else source)


def generate(name: str, folder: Path, workdir: Path | None = None, order: Mapping[str, str] | None = None) -> Path:
    """Makes an assignment's source and release notebooks below ``folder``, and enters the assignment in a gradebook.

    Args:
        name: the assignment.
        folder: gets ``source/`` and ``release/``.
        workdir: holds the gradebook.db, default ``folder`` too.
        order: of the choices of its quiz questions, default the source's.

    Returns:
        The released notebook.
    """
    source = folder / "source" / name
    source.mkdir(parents=True, exist_ok=True)
    notebook = notebooks.derive(SOLUTIONS / name / f"{name}.py")
    orders.rearrange(notebook, order or {})
    notebooks.write(notebook, source / f"{name}.ipynb")
    config = course.configure(Config(), workdir=workdir or folder, source=folder / "source", release=folder / "release")
    course.must(course.api(config).generate_assignment(name, force=True, create=True), f"releasing {name}")
    return folder / "release" / name / f"{name}.ipynb"


def visible_checks(name: str) -> str:
    """The recorded answers of an assignment's visible checks, on the public seed, as JSON: no quiz key is among them."""
    with Sandbox() as sandbox:
        answers = Expected(sandbox, name, exercises.PUBLIC_SEED)
        expected = {grade_id: answers.of(grade_id) for grade_id in answers.right}
    return json.dumps(_rounded(expected), separators=(",", ":"), sort_keys=True) + "\n"


def release(names: Sequence[str], check: bool = False, shuffle: bool = False) -> list[str]:
    """Releases assignments, or checks that what is released is exactly what the sources give.

    Args:
        names: assignments; all if empty.
        check: compare only, and write nothing.
        shuffle: give the choices of quiz questions in a new order; otherwise they keep the one they were released in.

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
        source = notebooks.derive(SOLUTIONS / name / f"{name}.py")
        with tempfile.TemporaryDirectory() as folder:
            made = generate(name, Path(folder), order=orders.drawn(source, random.SystemRandom()) if shuffle else order(name))
            released = made.read_text(encoding="utf-8")
        files = {
            SOLUTIONS / name / f"{name}.ipynb": nbformat.writes(source) + "\n",
            workspace.EXERCISES / name / f"{name}.ipynb": released,
        }
        for kept, fresh in files.items():
            if not kept.exists() or kept.read_text(encoding="utf-8") != fresh:
                found.append(f"{kept.parts[-3]}/{name}/{kept.name}")
                if not check:
                    workspace.write_atomically(kept, fresh)
        leaked = leaks(name, released)
        if leaked:
            raise RuntimeError(f"{name} must not be released: {'; '.join(leaked)}")
        kept, fresh_checks = checks.CHECKS / f"{name}.json", visible_checks(name)
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


def _same_checks(name: str, kept: dict[str, Any], fresh: dict[str, Any]) -> bool:
    """Whether the kept record judges today's answers as today's own would: the right one gets all checks, every wrong one fails
    and is told its own sentence. What a wrong answer gives in detail may differ: a run it drives to the edge ends on either side
    of it, on another processor or build of PyTorch."""
    if kept.keys() != fresh.keys():
        return False
    for grade_id, now in fresh.items():
        before, question = kept[grade_id], exercises.questions(name)[grade_id]
        if before["right"].keys() != now["right"].keys():
            return False
        if [wrong["sentence"] for wrong in before["wrong"]] != [wrong["sentence"] for wrong in now["wrong"]]:
            return False
        if exercises.mark(question, now["right"], before)[0] != 1:
            return False
        for wrong in now["wrong"]:
            share, sentences = exercises.mark(question, wrong["given"], before)
            if share == 1 or sentences[0] != exercises.mark(question, wrong["given"], now)[1][0]:
                return False
    return True


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return [_rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: _rounded(v) for k, v in value.items()}
    return value
