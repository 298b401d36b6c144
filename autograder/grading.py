"""Grading a folder of submissions: a JSON report, and nbgrader's gradebook, feedback pages and CSV."""

from __future__ import annotations

import contextlib
import functools
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from autograder import asking, course, gradebook, interrupting, judge, lock, release, stopping, submissions
from autograder.asking import Collected
from autograder.entering import Entering
from autograder.expected import Expected
from autograder.journal import Entry, Journal
from autograder.judge import Mark
from autograder.rebuilding import Rebuilt, is_test, rebuild
from autograder.sandbox.host import Code, Sandbox
from stabilitylab import workspace

Collect = Callable[[Sequence[Code], Mapping[str, bytes]], Collected]
"""From a submission's cells and files to what it answered."""

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how many are done, and how many there are."""


def grade(
    name: str,
    folder: Path,
    *,
    workdir: Path = course.WORKDIR,
    jobs: int = 2,
    progress: Progress = lambda doing, done, total: None,
    warn: Callable[[str], None] = print,
    start: Callable[[], Sandbox] | None = None,
    dask: str | None = None,
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
        dask: address of a Dask scheduler whose workers judge the submissions, each in a sandbox of its own, or ``"local"``;
            default: they are judged here.

    Returns:
        The report: ``{"assignment": name, "students": {student: {"status", "problem", "notes", "score", "max", "questions":
        {grade_id: {"score", "max", "manual", "feedback"}}}}}``. A student's score and max count what has been graded: a
        free-text answer joins both once a person has graded it. With the status ``"refused"`` (a folder's name that cannot be a
        student's, or a submission on which the grader itself failed) a student is in no gradebook and has no questions.

    Raises:
        ValueError: if there is no such assignment, or no submission.
        RuntimeError: if the references, or the release of the assignment, fail; if another grader is at work in ``workdir``; if
            the gradebook or the disk does not let the batch go on. Nobody is marked for that, and what is graded is kept.
        KeyboardInterrupt: after Ctrl-C, with as much kept.
    """
    if name not in release.assignments():
        raise ValueError(f"NAME is {name!r}; the assignments are {', '.join(release.assignments())}")
    students = submissions.students(folder)
    with contextlib.ExitStack() as stack:
        stack.enter_context(stopping.explained(workdir))
        stack.enter_context(lock.held(workdir))
        gradebook.check(workdir / gradebook.NAME)
        journal = Journal(workdir / "marks" / name, name)
        for written in (journal.folder, workdir / "autograded", workdir / "feedback"):
            workspace.make_folder(written)
        seed = journal.seed
        ctrl_c = stack.enter_context(interrupting.CtrlC())
        temporary = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        pool = stack.enter_context(ThreadPoolExecutor(jobs, initializer=interrupting.deaf))
        progress("Asking the reference", 0, 1)

        def ask() -> tuple[Sandbox, stopping.Stoppable, Expected]:
            sandbox = start() if start else stack.enter_context(Sandbox())
            stoppable = stopping.Stoppable(sandbox)
            return sandbox, stoppable, Expected(stoppable.as_sandbox, name, seed)

        starting = pool.submit(ask)
        order = release.order(name)
        blank = nbformat.read(_released(name, temporary, workdir, order), as_version=4)
        with ctrl_c.waiting():
            sandbox, stoppable, expected = next(interrupting.as_finished([starting])).result()
        stack.callback(stoppable.stop)
        if sandbox.warning:
            warn(sandbox.warning)
        if beside := submissions.strays(folder):
            warn(f"{', '.join(beside)} lies beside the students' folders and is not graded; `autograder collect` would sort it")
        collect: Collect = functools.partial(_collect, stoppable.as_sandbox, expected)
        if dask is not None:
            from autograder import remote  # loads Dask

            judges = stack.enter_context(remote.judges(dask, expected, warn))
            pool = stack.enter_context(ThreadPoolExecutor(judges.count, initializer=interrupting.deaf))
            stack.callback(judges.stop)
            collect = judges.collect
        judging = _Judging(name, folder, blank, temporary / "submitted", journal, stoppable, expected, order, workdir, collect)
        progress("Asking the reference", 1, 1)
        # marks go into the gradebook here while the next submissions are judged in the sandbox
        entering = stack.enter_context(Entering(name, journal, workdir, temporary))
        refused: dict[str, str] = {}
        problems: dict[str, str] = {}
        judged = [pool.submit(judging.judge, student) for student in students]
        stack.callback(lambda: [future.cancel() for future in judged])
        finished = interrupting.as_finished(judged)
        for done in range(len(students)):
            with ctrl_c.waiting():
                student, status, problem = next(finished).result()
            failure = problem if status == "refused" else entering.enter(student)
            if failure:
                refused[student] = failure
                warn(f"{student!r} is refused: {failure}")
            else:
                problems[student] = problem
            progress("Grading", done + 1, len(students))
            ctrl_c.check()
        entering.export()
        with entering.gradebook.at_once():
            results = dict(_results(name, journal, problems, entering.gradebook))
    for student, problem in refused.items():
        results[student] = {"status": "refused", "problem": problem, "notes": [], "score": 0.0, "max": 0.0, "questions": {}}
    return {"assignment": name, "students": {student: results[student] for student in students}}


def _collect(sandbox: Sandbox, expected: Expected, cells: Sequence[Code], files: Mapping[str, bytes]) -> Collected:
    return asking.collect(sandbox, cells, expected, files)


def _released(name: str, folder: Path, workdir: Path, order: Mapping[str, str]) -> Path:
    try:
        return release.generate(name, folder, workdir, order)
    except RuntimeError as error:
        if "Cannot add or remove cells" not in str(error):
            raise
        raise RuntimeError(
            f"{workdir / gradebook.NAME} holds submissions to an assignment {name} with other questions, of another course or of "
            "an earlier version; choose another --workdir"
        ) from None


class _Judging:
    """From a student's name to an entry in the journal. Thread-safe; never raises for what a student handed in."""

    def __init__(
        self,
        name: str,
        folder: Path,
        blank: NotebookNode,
        target: Path,
        journal: Journal,
        sandbox: stopping.Stoppable,
        expected: Expected,
        order: Mapping[str, str],
        workdir: Path,
        collect: Collect,
    ):
        self.name, self.folder, self.blank, self.target = name, folder, blank, target
        self.journal, self.sandbox, self.expected, self.order = journal, sandbox, expected, order
        self.workdir, self.collect = workdir, collect
        self.tests = [cell.metadata.nbgrader.grade_id for cell in blank.cells if is_test(cell)]

    def judge(self, student: str) -> tuple[str, str, str]:
        """(student, status, problem)."""
        if not submissions.STUDENT.fullmatch(student) or (self.folder / student).is_symlink():
            return (
                student,
                "refused",
                "a student's folder is named in at most 100 letters, digits and . @ + - _, begins with one of the first two, and "
                "is no link; `autograder collect` gives such names",
            )
        try:
            status, problem, rebuilt, files = "graded", "", None, {}
            try:
                cells = submissions.read(self.folder, student, self.name)
                if cells is None:
                    status, problem = "missing", submissions.missing(self.folder, student, self.name)
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
                self.sandbox.check()  # what was judged while all workers were ended is no mark
                self.journal.write(student, Entry(status, marks, key, notes=notes))
        except stopping.Stopped:
            raise
        except Exception as error:  # one submission must not cost the others theirs
            self.sandbox.check()
            if isinstance(error, OSError) and error.filename and Path(error.filename).is_relative_to(self.folder):
                return student, "refused", f"{error.filename} could not be read ({error.strerror})"
            if stopping.reason(error, self.workdir):
                raise
            return student, "refused", f"the grader itself failed on it; please report this:\n{traceback.format_exc()}"
        return student, status, problem

    def _marks(self, rebuilt: Rebuilt, files: Mapping[str, bytes]) -> tuple[dict[str, Mark], tuple[str, ...]]:
        """The marks of a submission, and what whoever grades and its author should know."""
        collected = self.collect(rebuilt.code, files)
        marks = judge.judge(collected, rebuilt.code, self.expected, self.order)
        notes = [judge.first_error(collected, rebuilt.code), *rebuilt.notes, *judge.choices(collected, rebuilt.code)]
        return marks, tuple(filter(None, notes))


def _results(name: str, journal: Journal, problems: dict[str, str], book: Gradebook) -> Iterator[tuple[str, dict[str, Any]]]:
    for student, problem in problems.items():
        entry = journal.read(student)
        assert entry is not None
        questions = {}
        total = maximum = 0.0
        for grade in book.find_submission_notebook(name, name, student).grades:
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
