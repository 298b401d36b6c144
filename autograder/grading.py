"""Grading a folder of submissions: a JSON report, and nbgrader's gradebook, feedback pages and CSV."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Unicode
from traitlets.config import Config

from autograder import asking, course, judge, release, submissions
from autograder.expected import Expected
from autograder.journal import Entry, Journal
from autograder.judge import Mark
from autograder.rebuilding import Rebuilt, is_test, rebuild
from autograder.sandbox.host import Sandbox

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


class WriteMarks(NbGraderPreprocessor):
    """Stands in the place of nbgrader's Execute: test cells get their mark as output, where nbgrader expects to find it."""

    journal = Unicode(help="folder of the journal").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        about = resources["nbgrader"]
        entry = Journal(Path(self.journal), about["assignment"]).read(about["student"])
        assert entry is not None
        for cell in nb.cells:
            if is_test(cell):
                nbgrader = cell.metadata.nbgrader
                mark = entry.marks[nbgrader["grade_id"]]
                said = "\n".join(mark.feedback or ["All checks passed."]) + "\n"
                score = repr(mark.share * nbgrader["points"])
                cell.execution_count = 1
                cell.outputs = [
                    nbformat.v4.new_output("stream", name="stdout", text=said),
                    nbformat.v4.new_output("execute_result", data={"text/plain": score}, execution_count=1),
                ]
        return nb, resources


def grade(
    name: str,
    folder: Path,
    *,
    workdir: Path = course.WORKDIR,
    jobs: int = 2,
    progress: Progress = lambda doing, done, total: None,
    warn: Callable[[str], None] = print,
    start: Callable[[], Sandbox] | None = None,
) -> dict[str, Any]:
    """Grades every student's submission of one assignment. What was graded before, and did not change since, is not graded again.

    Args:
        name: the assignment.
        folder: holds STUDENT/NAME/NAME.ipynb.
        workdir: where gradebook.db, autograded/, feedback/, grades.csv and the journal, in marks/, go.
        jobs: submissions judged at once.
        progress: called as work goes on.
        warn: told what the person who grades must know.
        start: gives the sandbox in which submissions run, and may wait for it; default: one is made, and closed at the end.

    Returns:
        The report: ``{"assignment": name, "students": {student: {"status", "problem", "notes", "score", "max", "questions": {grade_id:
        {"score", "max", "manual", "feedback"}}}}}``. A student's score and max count what has been graded: a free-text answer
        joins both once a person has graded it. With the status ``"refused"`` (a folder's name that cannot be a student's, or a
        submission on which the grader itself failed) a student is in no gradebook and has no questions.

    Raises:
        ValueError: if there is no such assignment, or no submission.
        RuntimeError: if the references, or the release of the assignment, fail.
    """
    if name not in release.assignments():
        raise ValueError(f"NAME is {name!r}; the assignments are {', '.join(release.assignments())}")
    students = submissions.students(folder)
    workdir.mkdir(parents=True, exist_ok=True)
    journal = Journal(workdir / "marks" / name, name)
    refused: dict[str, str] = {}
    problems: dict[str, str] = {}
    with contextlib.ExitStack() as stack:
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = stack.enter_context(ThreadPoolExecutor(jobs))
        progress("Asking the reference", 0, 1)

        def ask() -> tuple[Sandbox, Expected]:
            sandbox = start() if start else stack.enter_context(Sandbox())
            return sandbox, Expected(sandbox, name, journal.seed)

        asking = pool.submit(ask)
        order = release.order(name)
        blank = nbformat.read(release.generate(name, temporary, workdir, order), as_version=4)
        sandbox, expected = asking.result()
        if sandbox.warning:
            warn(sandbox.warning)
        judging = _Judging(name, folder, blank, temporary / "submitted", journal, sandbox, expected, order)
        progress("Asking the reference", 1, 1)
        # marks go into the gradebook here while the next submissions are judged in the sandbox
        entering = stack.enter_context(_Entering(name, journal, workdir, temporary))
        for done, (student, status, problem) in enumerate(pool.map(judging.judge, students)):
            failure = problem if status == "refused" else entering.enter(student)
            if failure:
                refused[student] = failure
                warn(f"{student!r} is refused: {failure}")
            else:
                problems[student] = problem
            progress("Grading", done + 1, len(students))
        results = dict(_results(name, journal, problems, entering.gradebook))
    for student, problem in refused.items():
        results[student] = {"status": "refused", "problem": problem, "notes": [], "score": 0.0, "max": 0.0, "questions": {}}
    return {"assignment": name, "students": results}


class _Judging:
    """From a student's name to an entry in the journal. Thread-safe; never raises for what a student handed in."""

    def __init__(
        self,
        name: str,
        folder: Path,
        blank: NotebookNode,
        target: Path,
        journal: Journal,
        sandbox: Sandbox,
        expected: Expected,
        order: Mapping[str, str],
    ):
        self.name, self.folder, self.blank, self.target = name, folder, blank, target
        self.journal, self.sandbox, self.expected, self.order = journal, sandbox, expected, order
        self.tests = [cell.metadata.nbgrader.grade_id for cell in blank.cells if is_test(cell)]

    def judge(self, student: str) -> tuple[str, str, str]:
        """(student, status, problem)."""
        if not submissions.STUDENT.fullmatch(student) or (self.folder / student).is_symlink():
            return (
                student,
                "refused",
                "a student's folder is named in letters, digits and . @ + - _, begins with one of the first two, and is no link",
            )
        try:
            status, problem, rebuilt, files = "graded", "", None, {}
            try:
                cells = submissions.read(self.folder, student, self.name)
                if cells is None:
                    status, problem = "missing", f"{self.name}.ipynb was not handed in."
                else:
                    rebuilt, files = rebuild(self.blank, cells), submissions.files(self.folder, student, self.name)
            except submissions.Unreadable as error:
                status, problem = "unreadable", str(error)
            path = self.target / student / self.name / f"{self.name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(rebuilt.notebook if rebuilt else self.blank, path)
            key = self.journal.key(repr((status, problem, path.read_text(encoding="utf-8"), rebuilt and rebuilt.code, files)))
            before = self.journal.read(student)
            if before is None or before.key != key:
                if rebuilt:
                    marks, notes = self._marks(rebuilt, files)
                else:
                    marks, notes = {grade_id: Mark(0.0, (problem,)) for grade_id in self.tests}, ()
                self.journal.write(student, Entry(status, marks, key, notes=notes))
        except Exception:  # one submission must not cost the others theirs
            return student, "refused", f"the grader itself failed on it; please report this:\n{traceback.format_exc()}"
        return student, status, problem

    def _marks(self, rebuilt: Rebuilt, files: Mapping[str, bytes]) -> tuple[dict[str, Mark], tuple[str, ...]]:
        """The marks of a submission, and what whoever grades and its author should know."""
        collected = asking.collect(self.sandbox, rebuilt.code, self.expected, files)
        marks = judge.judge(collected, rebuilt.code, self.expected, self.order)
        notes = [judge.first_error(collected, rebuilt.code), *rebuilt.notes, *judge.choices(collected, rebuilt.code)]
        return marks, tuple(filter(None, notes))


class _Entering:
    """Takes rebuilt submissions through nbgrader: gradebook, autograded notebooks, feedback pages; on leaving, the CSV."""

    def __init__(self, name: str, journal: Journal, workdir: Path, temporary: Path):
        self.name, self.journal = name, journal
        config = course.configure(
            Config(),
            workdir=workdir,
            source=temporary / "source",
            submitted=temporary / "submitted",
            release=temporary / "release",
        )
        config.WriteMarks.journal = str(journal.folder)
        # a rebuilt notebook has the release's cells, metadata and kernel: there is nothing to restore in it, and nothing to check
        config.Autograde.sanitize_preprocessors = []
        config.Autograde.autograde_preprocessors = [WriteMarks, SaveAutoGrades, AssignLatePenalties]
        self.nbgrader = course.api(config)
        self.gradebook = Gradebook(config.CourseDirectory.db_url, course.COURSE_ID)
        self.csv = CsvExportPlugin(to=str(workdir / "grades.csv"))

    def __enter__(self) -> _Entering:
        return self

    def __exit__(self, *exception: object) -> None:
        self.csv.export(self.gradebook)
        self.gradebook.close()

    def enter(self, student: str) -> str:
        """Enters one student's marks, unless the gradebook has them. Returns why it could not, which must not cost the others
        theirs."""
        entry = self.journal.read(student)
        assert entry is not None
        try:
            if not entry.entered or not self._held(student):
                course.must(self.nbgrader.autograde(self.name, student, force=True, create=True), "saving the marks")
            held = self._held(student)
            if entry.entered != held:  # new marks, or points given by hand since
                course.must(self.nbgrader.generate_feedback(self.name, student, force=True), "writing the feedback")
                self.journal.write(student, dataclasses.replace(entry, entered=held))
        except RuntimeError as error:
            return str(error)
        return ""

    def _held(self, student: str) -> str:
        """A hash of what the gradebook holds for a submission, empty if it does not know it."""
        self.gradebook.db.expire_all()  # nbgrader writes through a connection of its own
        try:
            notebook = self.gradebook.find_submission_notebook(self.name, self.name, student)
        except MissingEntry:
            return ""
        grades = sorted((g.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade) for g in notebook.grades)
        comments = sorted((c.name, c.comment) for c in notebook.comments if c.comment)
        return hashlib.sha256(repr((grades, comments)).encode()).hexdigest()


def _results(name: str, journal: Journal, problems: dict[str, str], gradebook: Gradebook) -> Iterator[tuple[str, dict[str, Any]]]:
    gradebook.db.expire_all()
    for student, problem in problems.items():
        entry = journal.read(student)
        assert entry is not None
        questions = {}
        total = maximum = 0.0
        for grade in gradebook.find_submission_notebook(name, name, student).grades:
            mark = entry.marks.get(grade.name)
            questions[grade.name] = {
                "score": round(grade.score, 4),
                "max": grade.max_score,
                "manual": mark is None,
                "feedback": ["Graded by hand."] if mark is None else list(mark.feedback),
            }
            if mark is not None or not grade.needs_manual_grade:
                total, maximum = total + grade.score, maximum + grade.max_score
        about = {"status": entry.status, "problem": problem, "notes": list(entry.notes)}
        result = about | {"score": round(total, 4), "max": maximum}
        yield student, result | {"questions": questions}
