import copy
import csv
import json
import shutil

import nbformat
import pytest

from autograder import bank, release, submissions
from autograder.cli import main
from stabilitylab import workspace
from stabilitylab.exercises import questions
from tests.classroom.handing_in import NAME, cell, hand_in, notebook

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


def test_wrong_answers_lose_points_and_are_told_their_own_misconception(graded):
    sentences = {answer.name: answer.sentence for answer in bank.answers(NAME) if answer.question == "clip_grad_norm"}
    for name in WRONG:
        question = graded[0]["students"][name]["questions"]["clip_grad_norm"]
        assert question["score"] < question["max"], name
        assert question["feedback"][0] == sentences[name]
    for name in ("wrong_uses_torch_helper", "wrong_does_nothing"):
        assert graded[0]["students"][name]["questions"]["clip_grad_norm"]["score"] == 0


def test_right_answers_written_differently_and_noisy_ones_lose_nothing(graded):
    for name in RIGHT | {"noisy"}:
        result = graded[0]["students"][name]
        assert result["score"] == result["max"], (name, result)


def test_a_mangled_notebook_is_graded_as_the_release_with_its_answers(graded):
    result = graded[0]["students"]["mangled"]
    assert (result["status"], result["score"], result["max"]) == ("graded", 23, 23)


def test_code_that_kills_its_process_costs_its_own_question_only(graded):
    result = graded[0]["students"]["quits"]
    assert result["score"] == 23 - 4
    assert "it ended the process" in result["questions"]["clip_grad_value"]["feedback"][0]


def test_a_wrong_quiz_answer_is_told_why(graded):
    question = graded[0]["students"]["guesses"]["questions"]["quiz_nan"]
    assert question["score"] == 0 and "inf by the factor 0 gives NaN" in question["feedback"][0]


def test_unreadable_and_missing_work_is_reported_and_holds_nobody_up(graded):
    students = graded[0]["students"]
    assert (students["broken"]["status"], students["broken"]["score"]) == ("unreadable", 0)
    assert (students["absent"]["status"], students["absent"]["score"]) == ("missing", 0)
    assert "could not be read" in students["broken"]["questions"]["clip_grad_norm"]["feedback"][0]


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


def test_every_answer_of_the_bank_is_judged_as_it_deserves(capsys):
    assert main(["bank", NAME]) == 0, capsys.readouterr().err
    assert sum(not a.right for a in bank.answers(NAME)) >= 50 and sum(a.right for a in bank.answers(NAME)) >= 12


def test_the_bank_notices_a_grader_that_accepts_everything(monkeypatch, capsys):
    from stabilitylab import exercises

    monkeypatch.setattr(exercises, "mark", lambda *arguments: (1.0, []))
    assert main(["bank", NAME]) == 1
    assert "is wrong and got full marks" in capsys.readouterr().err


def test_what_is_released_is_exactly_what_the_source_gives():
    assert release.release([NAME], check=True) == []  # the others: `autograder release --check`, in .ci/run


def test_the_check_notices_an_edited_release(monkeypatch, tmp_path, capsys):
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    edited = tmp_path / "exercises" / NAME / f"{NAME}.ipynb"
    edited.write_text(edited.read_text().replace("8 points", "9 points", 1))
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    assert main(["release", NAME, "--check"]) == 1
    assert "exercises/a1_clipping/a1_clipping.ipynb differs" in capsys.readouterr().out


@pytest.mark.parametrize("name", release.assignments())
def test_no_answer_and_no_key_is_released(name):
    released = (workspace.EXERCISES / name / f"{name}.ipynb").read_text()
    assert release.leaks(name, released) == []
    assert len(release.leaks(name, (workspace.ROOT / "solutions" / name / f"{name}.ipynb").read_text())) >= 8
    quizzes = {grade_id for grade_id, question in questions(name).items() if question.options}
    assert len(quizzes) >= 3
    assert not quizzes & set(json.loads((workspace.DATA / "checks" / f"{name}.json").read_text()))


def test_an_assignment_that_would_give_an_answer_away_is_not_released(tmp_path, monkeypatch, capsys):
    source = (workspace.ROOT / "solutions" / NAME / f"{NAME}.py").read_text()
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    (tmp_path / "solutions" / NAME).mkdir(parents=True)
    monkeypatch.setattr(release, "SOLUTIONS", tmp_path / "solutions")
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    hint = (
        "# By the way:\n#\n#     for p in parameters:\n#         if p.grad is not None:\n"
        "#             p.grad.clamp_(-clip_value, clip_value)\n#\n"
    )
    for leak in (
        source.replace('answer_nan = ""', 'answer_nan = "d"'),
        source.replace("# <details><summary>Hint</summary>\n# Tensors", hint + "# Tensors"),
    ):
        (tmp_path / "solutions" / NAME / f"{NAME}.py").write_text(leak)
        assert main(["release", NAME]) == 2
        assert "must not be released" in capsys.readouterr().err


def test_rebuilding_keeps_helpers_and_restores_what_was_deleted():
    blank = notebook("exercises")
    submitted = copy.deepcopy(blank)
    cell(submitted, "clip_grad_norm_code").source = "def clip_grad_norm(parameters, max_norm):\n    return helper()"
    submitted.cells.insert(
        submitted.cells.index(cell(submitted, "clip_grad_norm_code")), nbformat.v4.new_code_cell("def helper():\n    return 1")
    )
    submitted.cells.remove(cell(submitted, "setup"))
    cells = submissions.code_cells(submissions.rebuild(blank, list(submissions.cells_of(submitted))))
    assert cells[0].startswith("import torch")
    assert cells.index("def helper():\n    return 1") < next(i for i, c in enumerate(cells) if "return helper()" in c)


def test_mistakes_in_the_command_get_one_sentence(tmp_path, capsys):
    for arguments, said in (
        (["grade", "a9", "--submissions", str(tmp_path)], "NAME is 'a9'"),
        (["grade", NAME, "--submissions", str(tmp_path / "none")], "not a folder"),
        (["grade", NAME, "--submissions", str(tmp_path)], "holds no student"),
        (["grade", NAME, "--submissions", str(tmp_path), "--jobs", "0"], "--jobs is 0"),
        (["bank", "a9"], "NAME is 'a9'"),
        (["release", "a9"], "NAME is 'a9'"),
    ):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err
