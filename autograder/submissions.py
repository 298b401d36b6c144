"""Reading submissions, and rebuilding them on the release notebook.

A submitted notebook is anybody's file. Whatever happened to it (cells deleted, copied twice, their metadata lost or edited, another
kernel named), what is graded is the release notebook with the learner's answers in it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbgrader import utils

LARGEST_NOTEBOOK = 20 << 20
DEMO_TAG = "demo"
"""Cells with this tag show something (a plot, a training run) and define nothing: the grader does not run them."""


@dataclass(frozen=True)
class Submission:
    """One student's file.

    Attributes:
        student: the folder's name.
        status: ``"graded"`` if it can be, ``"unreadable"`` or ``"missing"``.
        notebook: the release notebook with this student's answers; without any if it could not be read.
        cells: the code to run, in order.
        problem: why it is not ``"graded"``, in a sentence for the student.
    """

    student: str
    status: str
    notebook: NotebookNode
    cells: tuple[str, ...] = ()
    problem: str = ""


def students(folder: Path) -> list[str]:
    """The students who have a folder in a submissions folder.

    Raises:
        ValueError: if the folder does not exist or holds no student.
    """
    if not folder.is_dir():
        raise ValueError(f"--submissions is {folder}, which is not a folder; it should hold STUDENT/NAME/NAME.ipynb")
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not found:
        raise ValueError(f"--submissions {folder} holds no student; it should hold STUDENT/NAME/NAME.ipynb")
    return found


def read(folder: Path, student: str, name: str, release: NotebookNode) -> Submission:
    """One student's submission, rebuilt on the release notebook; never raises for what a student may have done to the file."""
    path = folder / student / name / f"{name}.ipynb"
    if not path.exists():
        return Submission(student, "missing", copy.deepcopy(release), problem=f"{name}.ipynb was not handed in.")
    try:
        if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_NOTEBOOK:
            raise ValueError("not a plain file of sensible size")
        submitted = nbformat.read(path, as_version=4)
        notebook = rebuild(release, submitted)
    except Exception:
        return Submission(
            student,
            "unreadable",
            copy.deepcopy(release),
            problem=f"{name}.ipynb could not be read as a notebook; save it again from JupyterLab and hand it in again.",
        )
    return Submission(student, "graded", notebook, tuple(code_cells(notebook)))


def rebuild(release: NotebookNode, submitted: NotebookNode) -> NotebookNode:
    """The release notebook with the learner's answers, matched by grade_id, and the learner's extra cells where they stood."""
    ours = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
    answers: dict[str, str] = {}
    extras: dict[str | None, list[NotebookNode]] = {}
    plain = {cell.source for cell in release.cells if not _grade_id(cell)}
    place = None  # the release cell that was last seen
    for cell in submitted.cells:
        grade_id = _grade_id(cell)
        if grade_id and grade_id in ours:
            if grade_id not in answers:
                answers[grade_id] = str(cell.source)
                place = grade_id
        elif cell.cell_type in ("code", "markdown") and cell.source not in plain:
            new = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
            extras.setdefault(place, []).append(new(str(cell.source)))

    rebuilt = copy.deepcopy(release)
    cells = list(extras.get(None, ()))
    for cell in rebuilt.cells:
        grade_id = _grade_id(cell)
        if grade_id and grade_id in answers and cell.metadata.nbgrader.solution:
            cell.source = answers[grade_id]
        cells.append(cell)
        cells.extend(extras.get(grade_id, ()) if grade_id else ())
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number:03d}"
    rebuilt.cells = cells
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
    nbgrader = cell.metadata.get("nbgrader", {})
    return nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
