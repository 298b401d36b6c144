"""Grading a folder of submissions: a JSON report, and nbgrader's gradebook, feedback pages and CSV."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties, CheckCellMetadata, LimitOutput, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Dict
from traitlets.config import Config

from autograder import course, judge, release, submissions
from autograder.judge import Mark
from autograder.submissions import Submission

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


class WriteMarks(NbGraderPreprocessor):
    """Stands in the place of nbgrader's Execute: test cells get their mark as output, where nbgrader expects to find it."""

    marks = Dict(help="student -> grade_id -> Mark").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        marks: Mapping[str, Mark] = self.marks[resources["nbgrader"]["student"]]
        for cell in nb.cells:
            if submissions.is_test(cell):
                nbgrader = cell.metadata.nbgrader
                mark = marks[nbgrader["grade_id"]]
                cell.execution_count = 1
                cell.outputs = [
                    nbformat.v4.new_output(
                        "stream", name="stdout", text="\n".join(mark.feedback or ["All checks passed."]) + "\n"
                    ),
                    nbformat.v4.new_output(
                        "execute_result", data={"text/plain": repr(mark.share * nbgrader["points"])}, execution_count=1
                    ),
                ]
        return nb, resources


def grade(
    name: str,
    folder: Path,
    *,
    workdir: Path = course.WORKDIR,
    jobs: int = 2,
    progress: Progress = lambda doing, done, total: None,
) -> dict[str, Any]:
    """Grades every student's submission of one assignment.

    Args:
        name: the assignment.
        folder: holds STUDENT/NAME/NAME.ipynb.
        workdir: where gradebook.db, autograded/, feedback/ and grades.csv go.
        jobs: submissions judged at once.
        progress: called as work goes on.

    Returns:
        The report: ``{"assignment": name, "students": {student: {"status", "score", "max", "questions": {grade_id: {"score", "max", "manual",
        "feedback"}}}}}``. A student's score and max count what has been graded: a free-text answer joins both once a person has graded it.

    Raises:
        ValueError: if there is no such assignment, or no submission.
        RuntimeError: if nbgrader fails.
    """
    if name not in release.assignments():
        raise ValueError(f"NAME is {name!r}; the assignments are {', '.join(release.assignments())}")
    students = submissions.students(folder)
    workdir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        blank = nbformat.read(release.generate(name, Path(temporary), workdir), as_version=4)
        tests = [cell.metadata.nbgrader.grade_id for cell in blank.cells if submissions.is_test(cell)]
        seed = secrets.randbits(48)
        progress("Asking the reference", 0, 1)
        expected = judge.expected_answers(name, seed)
        progress("Asking the reference", 1, 1)

        def one(student: str) -> tuple[Submission, dict[str, Mark]]:
            submission = submissions.read(folder, student, name, blank)
            if submission.status != "graded":
                return submission, {grade_id: Mark(0.0, (submission.problem,)) for grade_id in tests}
            return submission, judge.judge(name, judge.collect(name, submission.cells, seed), expected)

        judged: list[tuple[Submission, dict[str, Mark]]] = []
        with ThreadPoolExecutor(jobs) as pool:
            for result in pool.map(one, students):
                judged.append(result)
                progress("Judging", len(judged), len(students))
        _enter_marks(name, judged, workdir, Path(temporary), progress)
    return _report(name, judged, workdir)


def _enter_marks(
    name: str, judged: list[tuple[Submission, dict[str, Mark]]], workdir: Path, temporary: Path, progress: Progress
) -> None:
    """Takes rebuilt submissions through nbgrader: gradebook, autograded notebooks, feedback pages, CSV."""
    submitted = temporary / "submitted"
    for submission, _ in judged:
        target = submitted / submission.student / name
        target.mkdir(parents=True)
        nbformat.write(submission.notebook, target / f"{name}.ipynb")
    config = course.configure(Config(), workdir=workdir, source=temporary / "source", submitted=submitted)
    config.WriteMarks.marks = {submission.student: marks for submission, marks in judged}
    config.Autograde.autograde_preprocessors = [WriteMarks, LimitOutput, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
    nbgrader = course.api(config)
    for done, (submission, _) in enumerate(judged):
        course.must(
            nbgrader.autograde(name, submission.student, force=True, create=True), f"saving the marks of {submission.student}"
        )
        course.must(
            nbgrader.generate_feedback(name, submission.student, force=True), f"writing the feedback of {submission.student}"
        )
        progress("Saving", done + 1, len(judged))
    with Gradebook(config.CourseDirectory.db_url, course.COURSE_ID) as gradebook:
        CsvExportPlugin(to=str(workdir / "grades.csv")).export(gradebook)


def _report(name: str, judged: list[tuple[Submission, dict[str, Mark]]], workdir: Path) -> dict[str, Any]:
    students: dict[str, Any] = {}
    with Gradebook(f"sqlite:///{workdir / 'gradebook.db'}", course.COURSE_ID) as gradebook:
        for submission, marks in judged:
            questions = {}
            total = maximum = 0.0
            for grade in gradebook.find_submission_notebook(name, name, submission.student).grades:
                mark = marks.get(grade.name)
                waiting = mark is None and grade.needs_manual_grade
                questions[grade.name] = {
                    "score": round(grade.score, 4),
                    "max": grade.max_score,
                    "manual": mark is None,
                    "feedback": ["Graded by hand."] if mark is None else list(mark.feedback),
                }
                if not waiting:
                    total, maximum = total + grade.score, maximum + grade.max_score
            students[submission.student] = {
                "status": submission.status,
                "score": round(total, 4),
                "max": maximum,
                "questions": questions,
            }
    return {"assignment": name, "students": students}
