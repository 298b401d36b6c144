"""Grading a folder of submissions: on a made-up assignment in this process, and a class of the course's own in the sandbox."""

import copy
import csv
import json
import shutil

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import bank, entering, grading, orders, release, submissions
from autograder.cli import main
from autograder.journal import Entry, Journal
from autograder.judge import Mark
from tests.autograder import toy as made_up
from tests.autograder.toy import Here
from tests.classroom.handing_in import NAME, cell, hand_in, notebook

TOY = made_up.NAME


def changed(**sources):
    """The solved made-up notebook with other answers: grade_id -> source."""
    made = made_up.solution()
    for grade_id, source in sources.items():
        made_up.cell(made, grade_id).source = source
    return made


class Class:
    """A folder of submissions to the made-up assignment, and where they are graded."""

    def __init__(self, folder):
        self.folder, self.workdir = folder / "class", folder / "grading"
        self.folder.mkdir()
        self.progress, self.warnings, self.asked = [], [], []

    def grade(self, **options):
        """The report's students; notes what happened."""
        self.progress.clear(), self.warnings.clear()
        box = options.pop("box", None) or Here()
        with pytest.MonkeyPatch.context() as patch:
            collect = grading.asking.collect
            patch.setattr(grading.asking, "collect", lambda *arguments: self.asked.append(1) or collect(*arguments))
            report = grading.grade(
                TOY,
                self.folder,
                workdir=self.workdir,
                progress=lambda *about: self.progress.append(about),
                warn=self.warnings.append,
                start=lambda: box,
                **options,
            )
        assert report["assignment"] == TOY and box.open == 0
        judged, self.asked = len(self.asked), []
        return report["students"], judged

    def page(self, student):
        return self.workdir / "feedback" / student / TOY / f"{TOY}.html"

    def gradebook(self):
        return Gradebook(f"sqlite:///{self.workdir / 'gradebook.db'}", "stabilitylab")


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    """A class of the made-up assignment, graded once: its report, and the class."""
    folder = tmp_path_factory.mktemp("toys")
    with pytest.MonkeyPatch.context() as patch:
        made_up.install(folder, patch)
        made_up.publish(folder, patch)
        course = Class(folder)
        blank = changed(quiz_one_code="answer_one = ''", quiz_some_code="answer_some = ''")
        for grade_id in ("double_code", "near_code"):
            made_up.cell(blank, grade_id).source = "raise NotImplementedError()"
        handed_in = {
            "ada": made_up.solution(),
            "blank": blank,
            "sign": changed(double_code="def double(x):\n    return abs(2 * x)"),
            "quits": changed(double_code="def double(x):\n    raise Died('it ended the process')"),
            "guess": changed(quiz_one_code="answer_one = 'a'", quiz_some_code="answer_some = 'a'"),
            "broken": '{"cells": [',
        }
        mangled = made_up.solution()
        mangled.cells.append(copy.deepcopy(made_up.cell(mangled, "double_code")))
        mangled.cells.remove(made_up.cell(mangled, "double"))
        made_up.cell(mangled, "near").source = "assert True"
        retyped = made_up.solution()
        made_up.cell(retyped, "double_code").metadata = {}
        for student, made in (handed_in | {"mangled": mangled, "retyped": retyped}).items():
            made_up.hand_in(course.folder, student, made)
        for student in ("absent", "=cmd"):
            (course.folder / student).mkdir()
        (course.folder / "link").symlink_to(course.folder / "ada")
        report, _ = course.grade(box=Here(warning="No sandbox!"))
        yield report, course
    made_up.forget()


def scores(student):
    return {grade_id: question["score"] for grade_id, question in student["questions"].items()}


FULL = {"double": 4, "near": 2, "quiz_one": 1, "quiz_some": 1, "own_words": 0}


def test_a_solution_gets_full_marks_and_words_wait_for_a_person(toys):
    ada = toys[0]["ada"]
    assert (ada["status"], ada["problem"], ada["score"], ada["max"]) == ("graded", "", 8, 8)
    assert scores(ada) == FULL
    assert ada["questions"]["own_words"] == {"score": 0.0, "max": 3.0, "manual": True, "feedback": ["Graded by hand."]}
    assert ada["questions"]["double"] == {"score": 4.0, "max": 4.0, "manual": False, "feedback": []}


def test_what_is_wrong_costs_its_share_of_its_question_and_says_why(toys):
    students = toys[0]
    assert scores(students["sign"]) == FULL | {"double": 2} and students["sign"]["score"] == 6
    assert students["sign"]["questions"]["double"]["feedback"] == ["You lose the sign."]
    assert scores(students["guess"]) == FULL | {"quiz_one": 0, "quiz_some": 0.5} and students["guess"]["score"] == 6.5
    assert students["guess"]["questions"]["quiz_one"]["feedback"] == ["It is not the first."]
    assert scores(students["quits"]) == FULL | {"double": 0}
    assert "it ended the process" in students["quits"]["questions"]["double"]["feedback"][0]
    assert (students["blank"]["score"], students["blank"]["max"]) == (0, 8)


def test_whatever_was_done_to_a_notebook_the_release_is_graded_with_its_answers(toys):
    assert toys[0]["mangled"] == toys[0]["ada"]


def test_what_was_done_with_an_untidy_notebook_stands_in_the_report_and_on_its_page(toys):
    report, course = toys
    note = "double was found in cell 3, by what that cell defines."
    assert report["retyped"]["notes"] == [note] and report["retyped"]["score"] == 8
    page = course.page("retyped").read_text()
    assert page.count(note) == 1 and "All checks passed." in page
    assert report["ada"]["notes"] == [] and note not in course.page("ada").read_text()


def test_what_is_missing_or_cannot_be_read_earns_nothing_and_holds_nobody_up(toys):
    broken, absent = toys[0]["broken"], toys[0]["absent"]
    assert (broken["status"], broken["score"], broken["max"]) == ("unreadable", 0, 11)  # there are no words that would wait
    assert "could not be read" in broken["problem"] and broken["questions"]["double"]["feedback"] == [broken["problem"]]
    assert (absent["status"], absent["score"], absent["max"]) == ("missing", 0, 11)
    assert absent["problem"] == "toy.ipynb was not handed in."
    assert absent["questions"]["quiz_one"]["feedback"] == [absent["problem"]]


def test_a_name_that_could_do_harm_and_a_link_are_refused(toys):
    report, course = toys
    for student in ("=cmd", "link"):
        assert report[student] == {
            "status": "refused",
            "problem": report[student]["problem"],
            "notes": [],
            "score": 0,
            "max": 0,
            "questions": {},
        }
        assert report[student]["problem"].startswith("a student's folder is named in at most 100 letters, digits and . @ + - _")
        assert f"{student!r} is refused: {report[student]['problem']}" in course.warnings
    with course.gradebook() as gradebook:
        assert {s.student_id for s in gradebook.assignment_submissions(TOY)} == set(report) - {"=cmd", "link"}


def test_whoever_grades_is_warned_and_told_how_far_it_is(toys):
    _, course = toys
    assert course.warnings[0] == "No sandbox!" and len(course.warnings) == 3
    assert course.progress == [("Asking the reference", 0, 1), ("Asking the reference", 1, 1)] + [
        ("Grading", done, 11) for done in range(1, 12)
    ]


def test_gradebook_pages_and_csv_agree_with_the_report(toys):
    report, course = toys
    with open(course.workdir / "grades.csv", newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file) if row["assignment"] == TOY}
    assert rows == {student: result["score"] for student, result in report.items() if result["status"] != "refused"}
    with course.gradebook() as gradebook:
        grades = {g.name: g for g in gradebook.find_submission_notebook(TOY, TOY, "sign").grades}
        assert (grades["double"].auto_score, grades["double"].max_score) == (2, 4)
        assert grades["own_words"].needs_manual_grade and not grades["double"].needs_manual_grade
    assert "You lose the sign." in course.page("sign").read_text()
    assert "All checks passed." in course.page("ada").read_text()
    assert "All checks passed." in course.page("sign").read_text() and "could not be read" in course.page("broken").read_text()


@pytest.fixture(scope="module")
def two_graded(tmp_path_factory):
    """Two students of the made-up assignment, graded: the folder, and the report."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        made_up.install(folder, patch)
        made_up.publish(folder, patch)
        course = Class(folder)
        made_up.hand_in(course.folder, "ada", made_up.solution())
        made_up.hand_in(course.folder, "bob", changed(double_code="def double(x):\n    return x"))
        first, judged = course.grade(jobs=1)
    made_up.forget()
    assert judged == 2
    return folder, first


@pytest.fixture
def two(two_graded, toy, monkeypatch):
    """The two of them, as they were left, for a test to go on with."""
    made_up.publish(toy, monkeypatch)
    course = Class(toy)
    for folder in (course.folder, course.workdir):
        shutil.copytree(two_graded[0] / folder.name, folder, dirs_exist_ok=True)
    course.first = two_graded[1]
    return course


@pytest.fixture
def nbgraders(monkeypatch):
    """What nbgrader does: (what, student)."""
    done = []
    for what in ("autograde", "generate_feedback"):
        run = getattr(grading.course.NbGraderAPI, what)

        def noted(self, name, student, what=what, run=run, **options):
            done.append((what, student))
            return run(self, name, student, **options)

        monkeypatch.setattr(grading.course.NbGraderAPI, what, noted)
    return done


def test_what_did_not_change_is_not_graded_again(two, nbgraders):
    assert two.grade() == (two.first, 0) and nbgraders == []


def test_what_was_handed_in_anew_is_graded_and_nothing_else(two, nbgraders):
    made_up.hand_in(two.folder, "bob", made_up.solution())
    report, judged = two.grade()
    assert judged == 1 and report["bob"]["score"] == 8 and report["ada"] == two.first["ada"]
    assert nbgraders == [("autograde", "bob"), ("generate_feedback", "bob")]
    assert two.grade() == (report, 0) and len(nbgraders) == 2


def test_points_given_by_hand_join_the_score_and_the_page_and_stay(two, nbgraders):
    with two.gradebook() as gradebook:
        grade = gradebook.find_grade("own_words", TOY, TOY, "bob")
        grade.manual_score, grade.needs_manual_grade = 2.123456, False
        gradebook.find_comment("own_words", TOY, TOY, "bob").manual_comment = "Say how you would tell."
        gradebook.db.commit()
    report, judged = two.grade()
    assert judged == 0 and (report["bob"]["score"], report["bob"]["max"]) == (6.1235, 11)
    assert report["bob"]["questions"]["own_words"]["score"] == 2.1235 and report["ada"] == two.first["ada"]
    assert nbgraders == [("generate_feedback", "bob")] and "Say how you would tell." in two.page("bob").read_text()
    assert two.grade() == (report, 0) and len(nbgraders) == 1


def test_a_comment_alone_is_put_on_the_page_too(two, nbgraders):
    with two.gradebook() as gradebook:
        gradebook.find_comment("own_words", TOY, TOY, "ada").manual_comment = "Well said."
        gradebook.db.commit()
    assert two.grade() == (two.first, 0)
    assert nbgraders == [("generate_feedback", "ada")] and "Well said." in two.page("ada").read_text()


def test_a_gradebook_that_was_lost_is_filled_again(two, nbgraders):
    (two.workdir / "gradebook.db").unlink()
    assert two.grade() == (two.first, 0)
    assert sorted(nbgraders)[:2] == [("autograde", "ada"), ("autograde", "bob")] and len(nbgraders) == 2


def test_a_lost_journal_is_written_again_with_the_same_marks(two):
    (two.workdir / "marks" / TOY / "bob.json").unlink()
    assert two.grade() == (two.first, 1)


def test_a_submission_that_was_judged_but_not_entered_is_entered(two, nbgraders):
    journal = Journal(two.workdir / "marks" / TOY, TOY)
    kept = journal.read("bob")
    journal.write("bob", Entry(kept.status, kept.marks, kept.key))  # as a batch leaves it that was killed here
    assert two.grade() == (two.first, 0)
    assert nbgraders == [("autograde", "bob"), ("generate_feedback", "bob")]


@pytest.mark.parametrize("step, doing", [("autograde", "saving the marks"), ("generate_feedback", "writing the feedback")])
def test_a_student_whom_nbgrader_refuses_costs_the_others_nothing(two, monkeypatch, step, doing):
    run = getattr(grading.course.NbGraderAPI, step)

    def fail(self, name, student, **options):
        return {"success": False, "error": "no room"} if student == "ada" else run(self, name, student, **options)

    monkeypatch.setattr(grading.course.NbGraderAPI, step, fail)
    made_up.hand_in(two.folder, "ada", changed(near_code="def near(t):\n    return t"))
    report, _ = two.grade()
    assert report["ada"]["status"] == "refused" and report["bob"] == two.first["bob"]
    assert report["ada"]["problem"] == f"nbgrader failed while {doing}:\nno room"
    assert two.warnings == [f"'ada' is refused: {report['ada']['problem']}"]


def test_a_submission_on_which_the_grader_fails_costs_the_others_nothing(two, monkeypatch):
    rebuild = grading.rebuild

    def fail(blank, cells):
        return {}["a bug of ours"] if any("nearest" in cell.source for cell in cells) else rebuild(blank, cells)

    monkeypatch.setattr(grading, "rebuild", fail)
    made_up.hand_in(two.folder, "ada", changed(near_code="nearest = 1"))
    report, judged = two.grade()
    assert judged == 0 and report["bob"] == two.first["bob"] and report["ada"]["status"] == "refused"
    assert report["ada"]["problem"].startswith("the grader itself failed on it; please report this:\nTraceback")
    assert "a bug of ours" in report["ada"]["problem"]


def test_a_learner_of_a_shuffled_release_is_marked_by_the_words_that_were_chosen(two, monkeypatch):
    monkeypatch.setattr(release, "order", lambda name: {"quiz_one": "dbca", "quiz_some": "bacd"})
    made_up.hand_in(two.folder, "ada", changed(quiz_some_code="answer_some = 'bc'"))
    report, judged = two.grade()
    assert judged == 2  # the questions are not those that they were
    assert report["ada"]["questions"]["quiz_some"]["score"] == 1
    assert report["bob"]["questions"]["quiz_some"]["feedback"][0] == "Twice one is two, and even."
    shown = nbformat.read(two.workdir / "autograded" / "bob" / TOY / f"{TOY}.ipynb", as_version=4)
    assert orders.choices(shown)["quiz_some"] == ["Twice one.", "One.", "Three.", "Twice three."]


def test_without_a_sandbox_given_one_is_made_and_closed(two, monkeypatch):
    box = Here()
    monkeypatch.setattr(grading, "Sandbox", lambda: box)
    said = []
    report = grading.grade(TOY, two.folder, workdir=two.workdir, warn=said.append)
    assert report["students"] == two.first and box.closed == 1 and said == []


def test_an_assignment_that_is_none_is_refused_before_anything_is_made(toy, monkeypatch):
    made_up.publish(toy, monkeypatch)
    with pytest.raises(ValueError, match=r"NAME is 'a9'; the assignments are toy$"):
        grading.grade("a9", toy, workdir=toy / "grading")
    with pytest.raises(ValueError, match="is not a folder"):
        grading.grade(TOY, toy / "none", workdir=toy / "grading")
    assert not (toy / "grading").exists()


def test_only_tests_get_a_mark_written_into_them(toy, monkeypatch):
    journal = Journal(toy / "marks", TOY)
    marks = {"double": Mark(0.25, ("You lose the sign.", "More.")), "near": Mark(1.0, ()), "quiz_one": Mark(0.0, ("No.",))}
    journal.write("ada", Entry("graded", marks | {"quiz_some": Mark(1.0, ())}, "key"))
    step = entering.WriteMarks()
    step.journal = str(toy / "marks")
    made, about = step.preprocess(made_up.solution(), {"nbgrader": {"assignment": TOY, "student": "ada"}})
    written = {c.metadata.nbgrader.grade_id: c for c in made.cells if c.cell_type == "code" and c.outputs}
    assert set(written) == {"double", "near", "quiz_one", "quiz_some"} and about["nbgrader"]["student"] == "ada"
    said, score = written["double"].outputs
    assert (said.name, said.text) == ("stdout", "You lose the sign.\nMore.\n") and score.data == {"text/plain": "1.0"}
    assert written["near"].outputs[0].text == "All checks passed.\n" and written["near"].outputs[1].data["text/plain"] == "2.0"
    assert written["double"].execution_count == score.execution_count == 1


# a whole assignment of the course, in the real sandbox

WRONG = {
    "wrong_always_rescales",
    "wrong_per_tensor",
    "wrong_sum_of_norms",
    "wrong_forgets_the_root",
    "wrong_clips_by_value",
    "wrong_returns_clipped_norm",
    "wrong_not_in_place",
    "wrong_limit_always_one",
    "wrong_crashes_on_none",
    "wrong_walks_a_generator_twice",
    "wrong_uses_torch_helper",
    "wrong_does_nothing",
}
RIGHT = {
    "right_clamped_factor",
    "right_flattened",
    "right_norm_of_norms",
    "right_writes_through_data",
    "right_warns_and_prints",
    "right_returns_one_element_tensor",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """One class, graded once: the report and the folder with gradebook, feedback and CSV."""
    folder, workdir = tmp_path_factory.mktemp("class"), tmp_path_factory.mktemp("grading")
    solution = notebook("solutions")
    hand_in(folder, "solution", solution)
    hand_in(folder, "blank", notebook("exercises"))
    for answer in bank.answers(NAME):
        if answer.question == "clip_grad_norm" and answer.name in WRONG | RIGHT:
            made = copy.deepcopy(solution)
            cell(made, "clip_grad_norm_code").source = answer.source
            hand_in(folder, answer.name, made)

    noisy = copy.deepcopy(solution)
    noisy.cells.insert(
        2,
        nbformat.v4.new_code_cell(
            "import sys, warnings\nwarnings.warn('watch out')\nprint('to stderr', file=sys.stderr)\n%matplotlib inline"
        ),
    )
    hand_in(folder, "noisy", noisy)

    endless = copy.deepcopy(solution)
    cell(endless, "clip_grad_value_code").source = "import os\ndef clip_grad_value(parameters, clip_value):\n    os._exit(0)"
    hand_in(folder, "quits", endless)

    mangled = copy.deepcopy(solution)
    mangled.cells.append(copy.deepcopy(cell(mangled, "clip_grad_norm_code")))  # the same grade_id twice
    mangled.cells.remove(cell(mangled, "clip_grad_norm"))
    cell(mangled, "rescue").source = "assert True"
    mangled.metadata.kernelspec = {"name": "julia", "display_name": "Julia", "language": "julia"}
    hand_in(folder, "mangled", mangled)

    guesses = copy.deepcopy(solution)
    cell(guesses, "quiz_nan_code").source = 'answer_nan = "b"'
    hand_in(folder, "guesses", guesses)
    hand_in(folder, "broken", '{"cells": [')
    (folder / "absent").mkdir()
    report = workdir / "report.json"
    assert (
        main(["grade", NAME, "--submissions", str(folder), "--report", str(report), "--workdir", str(workdir), "--jobs", "2"])
        == 0
    )
    return json.loads(report.read_text()), workdir


@pytest.mark.slow
def test_the_solution_gets_full_marks_and_a_blank_notebook_none(graded):
    students = graded[0]["students"]
    assert students["solution"]["score"] == students["solution"]["max"] == 23
    assert students["blank"]["score"] == 0
    assert students["solution"]["questions"]["own_words"] == {
        "score": 0.0,
        "max": 3.0,
        "manual": True,
        "feedback": ["Graded by hand."],
    }


@pytest.mark.slow
def test_wrong_answers_lose_points_and_are_told_their_own_misconception(graded):
    sentences = {answer.name: answer.sentence for answer in bank.answers(NAME) if answer.question == "clip_grad_norm"}
    for name in WRONG:
        question = graded[0]["students"][name]["questions"]["clip_grad_norm"]
        assert question["score"] < question["max"], name
        assert question["feedback"][0] == sentences[name]
    for name in ("wrong_uses_torch_helper", "wrong_does_nothing"):
        assert graded[0]["students"][name]["questions"]["clip_grad_norm"]["score"] == 0


@pytest.mark.slow
def test_right_answers_written_differently_and_noisy_ones_lose_nothing(graded):
    for name in RIGHT | {"noisy"}:
        result = graded[0]["students"][name]
        assert result["score"] == result["max"], (name, result)


@pytest.mark.slow
def test_a_mangled_notebook_is_graded_as_the_release_with_its_answers(graded):
    result = graded[0]["students"]["mangled"]
    assert (result["status"], result["score"], result["max"]) == ("graded", 23, 23)


@pytest.mark.slow
def test_code_that_kills_its_process_costs_its_own_question_only(graded):
    result = graded[0]["students"]["quits"]
    assert result["score"] == 23 - 4
    assert "it ended the process" in result["questions"]["clip_grad_value"]["feedback"][0]


@pytest.mark.slow
def test_a_wrong_quiz_answer_is_told_why(graded):
    question = graded[0]["students"]["guesses"]["questions"]["quiz_nan"]
    assert question["score"] == 0 and "inf by the factor 0 gives NaN" in question["feedback"][0]


@pytest.mark.slow
def test_unreadable_and_missing_work_is_reported_and_holds_nobody_up(graded):
    students = graded[0]["students"]
    assert (students["broken"]["status"], students["broken"]["score"]) == ("unreadable", 0)
    assert (students["absent"]["status"], students["absent"]["score"]) == ("missing", 0)
    assert "could not be read" in students["broken"]["questions"]["clip_grad_norm"]["feedback"][0]


@pytest.mark.slow
def test_gradebook_feedback_pages_and_csv_agree_with_the_report(graded):
    report, workdir = graded
    with open(workdir / "grades.csv", newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file) if row["assignment"] == NAME}
    assert rows == {student: result["score"] for student, result in report["students"].items()}
    page = (workdir / "feedback" / "wrong_per_tensor" / NAME / f"{NAME}.html").read_text()
    assert "You clip each tensor by its own norm" in page
    from nbgrader.api import Gradebook

    with Gradebook(f"sqlite:///{workdir / 'gradebook.db'}", "stabilitylab") as gradebook:
        grades = {g.name: g for g in gradebook.find_submission_notebook(NAME, NAME, "solution").grades}
        assert grades["own_words"].needs_manual_grade and grades["clip_grad_norm"].auto_score == 8


@pytest.mark.slow
def test_every_answer_of_the_bank_is_judged_as_it_deserves(capsys):
    assert main(["bank", NAME]) == 0, capsys.readouterr().err
    assert sum(not a.right for a in bank.answers(NAME)) >= 50 and sum(a.right for a in bank.answers(NAME)) >= 12


@pytest.mark.slow
def test_the_bank_notices_a_grader_that_accepts_everything(monkeypatch, capsys):
    from stabilitylab import exercises

    monkeypatch.setattr(exercises, "mark", lambda *arguments: (1.0, []))
    assert main(["bank", NAME]) == 1
    assert "is wrong and got full marks" in capsys.readouterr().err


def test_rebuilding_keeps_helpers_and_restores_what_was_deleted():
    blank = notebook("exercises")
    submitted = copy.deepcopy(blank)
    cell(submitted, "clip_grad_norm_code").source = "def clip_grad_norm(parameters, max_norm):\n    return helper()"
    submitted.cells.insert(
        submitted.cells.index(cell(submitted, "clip_grad_norm_code")), nbformat.v4.new_code_cell("def helper():\n    return 1")
    )
    submitted.cells.remove(cell(submitted, "setup"))
    cells = [code.source for code in grading.rebuild(blank, list(submissions.cells_of(submitted))).code]
    assert cells[0].startswith("import torch")
    assert cells.index("def helper():\n    return 1") < next(i for i, c in enumerate(cells) if "return helper()" in c)
