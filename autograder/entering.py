"""Marks into nbgrader: gradebook, autograded notebooks, feedback pages, CSV."""

from __future__ import annotations

import dataclasses
import hashlib
import traceback
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import MissingEntry
from nbgrader.apps import NbGraderAPI
from nbgrader.plugins.export import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties, NbGraderPreprocessor, SaveAutoGrades
from traitlets import Unicode
from traitlets.config import Config

from autograder import course, gradebook, interrupting, stopping
from autograder.journal import Journal
from autograder.rebuilding import is_test
from stabilitylab import workspace

PAGE_SECONDS = 20.0
"""What a page may take to be formatted; one takes about 0.1 s. Text can be written that takes nbconvert minutes."""


class WriteMarks(NbGraderPreprocessor):
    """Stands in the place of nbgrader's Execute: test cells get their mark as output, where nbgrader expects to find it."""

    journal = Unicode(help="folder of the journal").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> tuple[NotebookNode, dict[str, Any]]:
        about = resources["nbgrader"]
        entry = Journal(Path(self.journal), about["assignment"]).read(about["student"])
        assert entry is not None
        told = {sentence for mark in entry.marks.values() for sentence in mark.feedback}
        notes = [note for note in entry.notes if note not in told]  # on the whole notebook: they stand with its first mark
        for cell in nb.cells:
            if is_test(cell):
                nbgrader = cell.metadata.nbgrader
                mark = entry.marks[nbgrader["grade_id"]]
                said = "\n".join([*notes, *(mark.feedback or ["All checks passed."])]) + "\n"
                notes = []
                score = repr(mark.share * nbgrader["points"])
                cell.execution_count = 1
                cell.outputs = [
                    nbformat.v4.new_output("stream", name="stdout", text=said),
                    nbformat.v4.new_output("execute_result", data={"text/plain": score}, execution_count=1),
                ]
        return nb, resources


class Entering:
    """Takes rebuilt submissions through nbgrader. Use it as a context manager; the gradebook stays open for its time.

    Args:
        name: the assignment.
        journal: has the marks.
        workdir: where gradebook.db, autograded/, feedback/ and grades.csv go.
        temporary: holds submitted/, source/ and release/.
    """

    def __init__(self, name: str, journal: Journal, workdir: Path, temporary: Path):
        self.name, self.journal, self.workdir, self.temporary = name, journal, workdir, temporary
        self._nbgrader = self._api(formatted=True)
        self.gradebook = gradebook.Shared(workdir / gradebook.NAME)
        self._csv = CsvExportPlugin(to=str(temporary / "grades.csv"))

    def _api(self, formatted: bool) -> NbGraderAPI:
        config = course.configure(
            Config(),
            workdir=self.workdir,
            source=self.temporary / "source",
            submitted=self.temporary / "submitted",
            release=self.temporary / "release",
            formatted=formatted,
        )
        config.WriteMarks.journal = str(self.journal.folder)
        # a rebuilt notebook has the release's cells, metadata and kernel: there is nothing to restore in it, and nothing to check
        config.Autograde.sanitize_preprocessors = []
        config.Autograde.autograde_preprocessors = [WriteMarks, SaveAutoGrades, AssignLatePenalties]
        return course.api(config)

    def __enter__(self) -> Entering:
        return self

    def __exit__(self, *exception: object) -> None:
        self.gradebook.end()

    def enter(self, student: str) -> str:
        """Enters one student's marks, unless the gradebook has them. Returns why it could not, which must not cost the others
        theirs.

        Raises:
            Exception: what ``stopping.reason`` knows.
        """
        entry = self.journal.read(student)
        assert entry is not None
        try:
            if not entry.entered or not self._held(student):
                with self.gradebook.at_once():
                    course.must(self._nbgrader.autograde(self.name, student, force=True, create=True), "saving the marks")
            held = self._held(student)
            if entry.entered != held:  # new marks, or points given by hand since
                self._write_page(student)
                self.journal.write(student, dataclasses.replace(entry, entered=held))
        except Exception as error:
            if stopping.reason(error, self.workdir):
                raise
            return str(error) if isinstance(error, RuntimeError) else traceback.format_exc()
        return ""

    def export(self) -> None:
        """Writes grades.csv."""
        with self.gradebook.at_once():
            self._csv.export(self.gradebook)
        workspace.write_atomically(self.workdir / "grades.csv", Path(self._csv.to).read_bytes())

    def _write_page(self, student: str) -> None:
        doing = "writing the feedback"
        try:
            with interrupting.limited(PAGE_SECONDS), self.gradebook.at_once():
                course.must(self._nbgrader.generate_feedback(self.name, student, force=True), doing)
        except interrupting.TooSlow:
            plain = self._api(formatted=False)
            with self.gradebook.at_once():
                course.must(plain.generate_feedback(self.name, student, force=True), doing)

    def _held(self, student: str) -> str:
        """A hash of what the gradebook holds for a submission, empty if it does not know it."""
        with self.gradebook.at_once():
            try:
                notebook = self.gradebook.find_submission_notebook(self.name, self.name, student)
            except MissingEntry:
                return ""
            grades = sorted((g.name, g.auto_score, g.manual_score, g.extra_credit, g.needs_manual_grade) for g in notebook.grades)
            comments = sorted((c.name, c.comment) for c in notebook.comments if c.comment)
        return hashlib.sha256(repr((grades, comments)).encode()).hexdigest()
