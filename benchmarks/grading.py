"""Grading a class, against plain nbgrader and against the least that any grader could do.

Half of the class hands in the solution, half of it one answer of the bank, wrong or right.
"""

from __future__ import annotations

import itertools
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from autograder import bank
from benchmarks import timing
from stabilitylab import workspace
from tests.classroom.handing_in import NAME, cell, hand_in, notebook

SOLUTION = workspace.ROOT / "solutions" / NAME / f"{NAME}.ipynb"
COMPARED = 10
"""Students that all three grade."""
CLASSES = (10, 30, 100, 300)
"""Students that ours grades."""


def measure() -> dict[str, Any]:
    """Seconds of the three for a small class, and of ours for larger ones."""
    jobs = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_class(folder / "submitted", COMPARED)
        floor = float(timing.command(sys.executable, "-m", "benchmarks.floor", folder / "submitted", str(jobs)).printed)
        nbgrader = _nbgrader(folder)
        ours = []
        for students in CLASSES:
            submitted = folder / f"of-{students}"
            make_class(submitted, students)
            grade = ("autograder", "grade", NAME, "--submissions", submitted, "--workdir", folder / f"graded-{students}")
            ours.append({"students": students, "seconds": timing.command(*grade, "--jobs", str(jobs)).seconds})
    return {
        "assignment": NAME,
        "jobs": jobs,
        "students": COMPARED,
        "floor_s": floor,
        "nbgrader_s": nbgrader,
        "ours": ours,
        "nbgrader_over_ours": nbgrader / ours[0]["seconds"],
        "ours_over_floor": ours[0]["seconds"] / floor,
    }


def make_class(folder: Path, students: int) -> None:
    """Writes a class, laid out as nbgrader wants it."""
    answers = itertools.cycle(bank.answers(NAME)[::5])
    for number in range(students):
        made = notebook("solutions")
        if number % 2:
            answer = next(answers)
            cell(made, f"{answer.question}_code").source = answer.source
        hand_in(folder, f"student{number:03d}", made)


def _nbgrader(folder: Path) -> float:
    """Plain nbgrader: autograde and the pages for students; the release that it wants first does not count."""
    source = folder / "source" / NAME
    source.mkdir(parents=True)
    (source / SOLUTION.name).write_bytes(SOLUTION.read_bytes())
    timing.command("nbgrader", "generate_assignment", NAME, "--create", folder=folder)
    executed = timing.command("nbgrader", "autograde", NAME, "--create", "--force", folder=folder).seconds
    return executed + timing.command("nbgrader", "generate_feedback", NAME, folder=folder).seconds
