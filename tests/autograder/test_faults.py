"""What can go wrong around a batch: it stops with one sentence, marks nobody for it, and goes on from there."""

import errno
import json
import os
import shutil
import signal
import sqlite3
import threading

import nbformat
import pytest
from nbconvert.writers import FilesWriter

from autograder import asking, course, entering, gradebook, lock, submissions
from stabilitylab import workspace
from tests.autograder import toy as made_up
from tests.autograder.test_grading import TOY, Class, changed, two, two_graded  # noqa: F401  fixtures


def hand_in_anew(folder):
    """Both students have new work to be graded."""
    made_up.hand_in(folder, "ada", changed(double_code="def double(x):\n    return x"))
    made_up.hand_in(folder, "bob", made_up.solution())


@pytest.fixture(scope="module")
def expected(two_graded, tmp_path_factory):  # noqa: F811
    """What comes of it when nothing is in the way."""
    folder = tmp_path_factory.mktemp("expected")
    with pytest.MonkeyPatch.context() as patch:
        made_up.install(folder, patch)
        made_up.publish(folder, patch)
        course_ = Class(folder)
        shutil.copytree(two_graded[0] / "grading", course_.workdir)
        hand_in_anew(course_.folder)
        report, judged = course_.grade()
    made_up.forget()
    assert judged == 2 and report != two_graded[1]
    return report


@pytest.fixture
def anew(two, expected, monkeypatch):  # noqa: F811
    """A class that was graded, with new work to be graded."""
    monkeypatch.setattr(gradebook, "WAIT_SECONDS", 0)
    hand_in_anew(two.folder)
    two.expected = expected
    return two


def stops(course_, error=RuntimeError, **options):
    """The sentence with which a batch stops; afterwards it goes on as if nothing had been."""
    with pytest.raises(error) as stopped:
        course_.grade(jobs=1, **options)
    assert not course_.warnings, "nobody is refused"
    sentence = str(stopped.value)
    assert "\n" not in sentence and "Traceback" not in sentence
    return sentence


def goes_on(course_):
    assert course_.grade(jobs=1)[0] == course_.expected


def of(name, step):
    """A step that does something else for one student."""

    def instead(original):
        def run(self, nb, resources):
            if resources["nbgrader"]["student"] == name:
                step()
            return original(self, nb, resources)

        return run

    return instead


# Ctrl-C


@pytest.mark.parametrize("press", [lambda: signal.raise_signal(signal.SIGINT), lambda: exec("raise KeyboardInterrupt")])
def test_ctrl_c_while_nbgrader_is_at_work_stops_the_batch_and_refuses_nobody(anew, press):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entering.WriteMarks, "preprocess", of("ada", press)(entering.WriteMarks.preprocess))
        stops(anew, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    goes_on(anew)


def test_ctrl_c_while_a_submission_is_judged_marks_nobody_for_the_process_it_lost(anew):
    asked = []

    def collect(sandbox, *about):
        asked.append(1)
        os.kill(os.getpid(), signal.SIGINT)
        with sandbox.worker() as worker:
            while worker.is_open:  # until the batch ends it
                pass
            return asking.Collected()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "collect", collect)
        kept = {student: (anew.workdir / "marks" / TOY / f"{student}.json").read_text() for student in ("ada", "bob")}
        stops(anew, KeyboardInterrupt, box=_Endable())
    assert asked == [1], "the next one is not begun"
    assert {student: (anew.workdir / "marks" / TOY / f"{student}.json").read_text() for student in kept} == kept
    goes_on(anew)


class _Endable(made_up.Here):
    def worker(self, limits=None):
        worker = super().worker(limits)
        worker.__exit__ = lambda *about: None
        worker.close = lambda: worker.is_open and made_up._Worker.close(worker)
        return worker


def test_a_grader_in_another_thread_needs_no_ctrl_c(anew):
    reports = []
    thread = threading.Thread(target=lambda: reports.append(anew.grade()[0]))
    thread.start()
    thread.join()
    assert reports == [anew.expected]


# two graders


def test_a_second_grader_is_told_and_does_nothing(anew):
    with lock.held(anew.workdir):
        assert f"{anew.workdir} is in use by another grader (process {os.getpid()} on" in stops(anew)
    goes_on(anew)


# the gradebook


def _other_course(path):
    path.unlink()
    gradebook.Gradebook(f"sqlite:///{path}", "history").close()


def _other_program(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE assignment (id INTEGER, title TEXT)")


def _no_tables_of_nbgrader(path):
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE places (url TEXT)")


def _folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil, said",
    [
        (lambda path: path.write_bytes(b"garbage " * 1000), "is damaged (file is not a database). Put it back from a copy"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "is damaged"),
        (lambda path: os.truncate(path, 0), "is empty. Put it back from a copy"),
        (lambda path: path.write_bytes(path.read_bytes()[:5000] + bytes(20000) + path.read_bytes()[25000:]), "is damaged"),
        (_other_course, "is the gradebook of another course (history); choose another --workdir"),
        (_other_program, "is no gradebook of this version of nbgrader"),
        (_no_tables_of_nbgrader, "is no gradebook of this version of nbgrader"),
        (_folder, "is not a file"),
    ],
)
def test_a_gradebook_that_cannot_be_used_is_named_before_anything_is_judged(anew, spoil, said, monkeypatch):
    path = anew.workdir / "gradebook.db"
    spoil(path)
    content = path.read_bytes() if path.is_file() else None
    monkeypatch.setattr(asking, "collect", lambda *about: pytest.fail("judged before it looked"))
    sentence = stops(anew)
    assert sentence.startswith(f"{path} {said}")
    assert content is None or path.read_bytes() == content


def test_an_assignment_of_the_same_name_with_other_questions_is_told_apart(anew, monkeypatch):
    with sqlite3.connect(anew.workdir / "gradebook.db") as database:
        database.execute("UPDATE base_cell SET name = 'another' WHERE name = 'near'")
    monkeypatch.setattr(asking, "collect", lambda *about: pytest.fail("judged before it looked"))
    assert "holds submissions to an assignment toy with other questions" in stops(anew)


def _locked(path):
    database = sqlite3.connect(path)
    database.execute("BEGIN EXCLUSIVE")
    return database


def test_a_gradebook_that_another_program_has_locked_is_named_at_the_start(anew):
    other = _locked(anew.workdir / "gradebook.db")
    assert f"{anew.workdir}/gradebook.db is locked by another program, formgrader perhaps" in stops(anew)
    other.close()
    goes_on(anew)


@pytest.mark.parametrize("student", ["ada", "bob"])
def test_a_gradebook_that_another_program_locks_in_the_middle_stops_the_batch(anew, student):
    others = []
    with pytest.MonkeyPatch.context() as patch:
        lock_it = of(student, lambda: others.append(_locked_by_a_reader(anew.workdir / "gradebook.db")))
        patch.setattr(entering.WriteMarks, "preprocess", lock_it(entering.WriteMarks.preprocess))
        sentence = stops(anew)
    assert "is locked by another program" in sentence and "the same command goes on from there" in sentence
    others[0].close()
    goes_on(anew)


def _locked_by_a_reader(path):
    """nbgrader may have begun to write: whoever reads now keeps it from ending."""
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("BEGIN")
    database.execute("SELECT count(*) FROM student").fetchall()
    return database


# the disk


def _no_room(*about, **options):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    "where, what",
    [
        (nbformat, "write"),
        (FilesWriter, "write"),
        (entering.CsvExportPlugin, "export"),
        (entering.SaveAutoGrades, "preprocess"),
        (course.FeedbackPages, "from_notebook_node"),
        (workspace.os, "fsync"),
    ],
)
def test_a_full_disk_stops_the_batch_and_refuses_nobody(anew, where, what, monkeypatch):
    monkeypatch.setattr(lock.workspace, "make_folder", lambda folder: folder.mkdir(parents=True, exist_ok=True))
    kept = (anew.workdir / "grades.csv").read_text()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(where, what, _no_room)
        sentence = stops(anew)
    assert str(anew.workdir) in sentence and "is full (No space left on device); make room on that disk" in sentence
    assert (anew.workdir / "grades.csv").read_text() == kept
    goes_on(anew)


def test_a_full_disk_is_named_where_sqlite_notices_it(anew):
    def full():
        raise gradebook.sqlalchemy.exc.OperationalError("INSERT", {}, _of_sqlite(sqlite3.SQLITE_FULL))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entering.SaveAutoGrades, "preprocess", of("ada", full)(entering.SaveAutoGrades.preprocess))
        assert stops(anew).startswith(f"{anew.workdir} is full; make room on that disk")
    goes_on(anew)


def _of_sqlite(code):
    error = sqlite3.OperationalError("database or disk is full")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize("folder", ["", "marks", "autograded", "feedback"])
def test_a_folder_that_takes_no_files_is_found_before_anything_is_judged(anew, folder, monkeypatch):
    path = anew.workdir / folder
    shutil.rmtree(path)
    path.write_text("refused to everybody, root too")
    monkeypatch.setattr(asking, "collect", lambda *about: pytest.fail("judged before it looked"))
    sentence = stops(anew, (RuntimeError, OSError))
    assert str(path) in sentence and "cannot be written to" in sentence


def test_a_file_of_a_students_that_cannot_be_read_costs_the_others_nothing(anew, monkeypatch):
    def denied(folder, student, name):
        if student == "ada":
            raise PermissionError(errno.EACCES, "Permission denied", str(folder / student / name / "data.csv"))
        return {}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submissions, "files", denied)
        report, _ = anew.grade()
    assert report["ada"]["problem"] == f"{anew.folder}/ada/{TOY}/data.csv could not be read (Permission denied)"
    assert report["ada"]["status"] == "refused" and report["bob"] == anew.expected["bob"]


# the journal


@pytest.mark.parametrize("content", ["", "garbage"])
def test_a_damaged_seed_is_named_before_anything_is_judged(anew, content, monkeypatch):
    seed = anew.workdir / "marks" / TOY / "seed"
    kept = seed.read_text()
    seed.write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asking, "collect", lambda *about: pytest.fail("judged before it looked"))
        assert f"{seed} is damaged" in stops(anew)
    seed.write_text(kept)
    goes_on(anew)


# pages


def _with_text(text):
    made = made_up.solution()
    made.cells.append(nbformat.v4.new_markdown_cell(text))
    return made


def test_text_that_takes_too_long_to_format_is_shown_as_it_was_typed(anew, monkeypatch):
    text = "\\begin{a}" * 5000
    made_up.hand_in(anew.folder, "ada", _with_text(text))
    monkeypatch.setattr(entering, "PAGE_SECONDS", 1.0)
    report, _ = anew.grade()
    assert report["ada"]["score"] == 8 and report["bob"] == anew.expected["bob"] and not anew.warnings
    assert f"<pre>{text}</pre>" in anew.page("ada").read_text() and "All checks passed." in anew.page("ada").read_text()
    assert "<h1" in anew.page("bob").read_text() and "<h1" not in anew.page("ada").read_text()
    assert anew.grade() == (report, 0)


@pytest.mark.parametrize("text", ["[" * 90_000, "> " * 3000, "<b>" * 3000, "![x](attachment:y.png)"])
def test_no_text_keeps_a_page_from_being_formatted(anew, text):
    made_up.hand_in(anew.folder, "ada", _with_text(text))
    report, _ = anew.grade()
    assert report["ada"]["score"] == 8 and "<h1" in anew.page("ada").read_text() and not anew.warnings


def test_what_is_kept_is_whole(anew):
    """Marks are entered together: nobody ever has some of them."""
    saved = []
    save = entering.SaveAutoGrades._add_score

    def save_one(*about):
        if saved:
            raise KeyboardInterrupt
        saved.append(save(*about))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entering.SaveAutoGrades, "_add_score", save_one)
        stops(anew, KeyboardInterrupt)
    with sqlite3.connect(anew.workdir / "gradebook.db") as database:
        scores = dict(
            database.execute(
                "SELECT name, auto_score FROM grade JOIN base_cell ON base_cell.id = cell_id JOIN "
                "submitted_notebook ON submitted_notebook.id = grade.notebook_id JOIN submitted_assignment ON "
                "submitted_assignment.id = submitted_notebook.assignment_id WHERE student_id = 'ada'"
            )
        )
    assert scores["double"] == anew.first["ada"]["questions"]["double"]["score"]
    assert json.loads((anew.workdir / "marks" / TOY / "ada.json").read_text())["entered"] == ""
    goes_on(anew)
