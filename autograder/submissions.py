"""Reading submissions, and rebuilding them on the release notebook.

A submitted notebook is anybody's file. Whatever happened to it (cells deleted, copied twice, their metadata lost or edited,
another kernel named), what is graded is the release notebook with the learner's answers in it.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

LARGEST_FILE = 20 << 20
LARGEST_SOURCE = 100_000
BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){20,}")  # what highlights code takes a time that grows with their square
MOST_CELLS = 1000
DEMO_TAG = "demo"
"""Cells with this tag show something (a plot, a training run) and define nothing: the grader does not run them."""

STUDENT = re.compile(r"\w[\w.@+-]*")
"""What a student's folder may be called: the name goes into file names, pages and spreadsheets."""


class Unreadable(Exception):
    """A submission that cannot be graded; the message says why, in words for its author."""


@dataclass(frozen=True)
class Cell:
    """What is used of a submitted cell."""

    kind: str
    source: str
    grade_id: str | None


def students(folder: Path) -> list[str]:
    """What a submissions folder holds: the names of its folders.

    Raises:
        ValueError: if the folder does not exist or holds no student.
    """
    if not folder.is_dir():
        raise ValueError(f"--submissions is {folder}, which is not a folder; it should hold STUDENT/NAME/NAME.ipynb")
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise ValueError(f"--submissions {folder} holds no student; it should hold STUDENT/NAME/NAME.ipynb")
    return found


def read(folder: Path, student: str, name: str) -> list[Cell] | None:
    """The cells of one student's submission, None if there is none.

    Raises:
        Unreadable: for whatever else may have been done to the file.
    """
    path = folder / student / name / f"{name}.ipynb"
    if not (path.exists() or path.is_symlink()):
        return None
    try:
        if path.resolve() != folder.resolve() / student / name / path.name or not path.is_file():
            raise Unreadable(f"{path.name} is not a plain file; hand in the notebook itself.")
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"{path.name} is larger than {LARGEST_FILE >> 20} MB; clear its outputs and hand it in again.")
        cells = list(cells_of(json.loads(path.read_bytes())))
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        raise Unreadable(
            f"{path.name} could not be read as a notebook; save it again from JupyterLab and hand it in again."
        ) from None
    if len(cells) > MOST_CELLS or sum(len(cell.source) for cell in cells) > LARGEST_SOURCE:
        raise Unreadable(f"{path.name} holds more text than can be graded; remove what does not belong to your answers.")
    return cells


def cells_of(notebook: dict[str, Any]) -> Iterator[Cell]:
    """The cells of a notebook file that make sense, whatever the others are like."""
    for cell in notebook["cells"]:
        kind, source = cell.get("cell_type"), cell.get("source", "")
        if isinstance(source, list):
            source = "".join(source)
        if kind not in ("code", "markdown") or not isinstance(source, str):
            continue
        nbgrader = (cell.get("metadata") or {}).get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        # half of a surrogate pair is legal in JSON and in no other file
        source = BLANK_LINES.sub("\n" * 20, source.encode("utf-8", "replace").decode())
        yield Cell(kind, source, grade_id if isinstance(grade_id, str) else None)


def rebuild(release: NotebookNode, submitted: list[Cell]) -> NotebookNode:
    """The release notebook with the learner's answers, matched by grade_id, and the learner's extra cells where they stood."""
    ours = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
    answers: dict[str, str] = {}
    extras: dict[str | None, list[NotebookNode]] = {}
    plain = {cell.source for cell in release.cells if not _grade_id(cell)}
    place = None  # the release cell that was last seen
    for cell in submitted:
        if cell.grade_id is not None and cell.grade_id in ours:
            if cell.grade_id not in answers:
                answers[cell.grade_id] = cell.source
                place = cell.grade_id
        elif cell.source not in plain:
            new = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
            extras.setdefault(place, []).append(new(cell.source))

    rebuilt = copy.deepcopy(release)
    together = list(extras.get(None, ()))
    for ready in rebuilt.cells:
        grade_id = _grade_id(ready)
        if grade_id and grade_id in answers and ready.metadata.nbgrader.solution:
            ready.source = answers[grade_id]
        together.append(ready)
        together.extend(extras.get(grade_id, ()) if grade_id else ())
    for number, ready in enumerate(together):
        ready["id"] = f"cell-{number:03d}"
    rebuilt.cells = together
    return rebuilt


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell of a release notebook is a test, which the grader's mark replaces."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def code_cells(notebook: NotebookNode) -> list[str]:
    """The code of a rebuilt notebook that defines something: neither test cells nor demonstrations."""
    return [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not is_test(cell) and DEMO_TAG not in cell.metadata.get("tags", [])
    ]


def _grade_id(cell: NotebookNode) -> str | None:
    return cell.metadata.get("nbgrader", {}).get("grade_id")
