"""The checks that a notebook shows."""

import json
import subprocess
import sys

import pytest

from stabilitylab import workspace
from stabilitylab.exercises import CheckFailed, check, checks, passed
from tests.autograder import toy as made_up


@pytest.fixture
def shown(tmp_path, monkeypatch):
    """The made-up assignment with its recorded answers."""
    made_up.install(tmp_path, monkeypatch)
    monkeypatch.setattr(checks, "CHECKS", tmp_path / "checks")
    monkeypatch.setattr(checks, "PUBLIC_SEED", 0)
    from autograder.expected import Expected

    expected = Expected(made_up.Here(), made_up.NAME, seed=0)
    (tmp_path / "checks").mkdir()
    (tmp_path / "checks" / "toy.json").write_text(json.dumps({grade_id: expected.of(grade_id) for grade_id in expected.right}))
    yield
    made_up.forget()


def told(question, learner):
    with pytest.raises(CheckFailed) as failure:
        check(question, learner)
    return str(failure.value).splitlines()


def test_right_answers_are_told_so_and_what_comes_next(shown, capsys):
    check("toy/double", lambda x: 2 * x)
    assert capsys.readouterr().out == "double: 2 of 2 checks pass. Next: near.\n"
    check("toy/quiz_some", "a")
    assert "That was the last one with a check" in capsys.readouterr().out
    assert passed() == {"toy/double": True}


def test_wrong_answers_are_told_how_many_checks_pass_and_what_is_wrong(shown):
    assert told("toy/double", abs) == ["double: 0 of 2 checks pass.", "- Not twice a number.", "- Not twice a negative number."]
    assert told("toy/double", lambda x: abs(2 * x)) == ["double: 1 of 2 checks pass.", "- You lose the sign."]
    assert passed() == {"toy/double": False}
    check("toy/double", lambda x: 2 * x)
    assert passed() == {"toy/double": True}


def test_a_learners_own_exception_is_quoted(shown):
    class Mine(Exception):
        pass

    def fails(x):
        raise Mine(f"x is {x > 0}")

    assert told("toy/double", fails)[1:] == [
        "- Not twice a number. (Your code raised Mine: x is True)",
        "- Not twice a negative number. (Your code raised Mine: x is False)",
    ]


def test_a_failed_check_is_shown_as_its_sentences_alone():
    assert CheckFailed("one\ntwo")._render_traceback_() == ["one\ntwo"]


def test_an_answer_is_settled_and_its_numbers_are_of_any_library(shown, capsys):
    import numpy
    import torch

    check("toy/near", lambda target: target)
    for library in (numpy.float64, numpy.float32, numpy.array, torch.tensor, lambda x: torch.tensor([x])):
        check("toy/double", lambda x, library=library: library(2 * x))
    assert capsys.readouterr().out.count("checks pass") == 6


def test_a_probe_with_a_partner_is_checked_in_the_notebook_too(tmp_path, monkeypatch, capsys):
    made_up.install(tmp_path, monkeypatch, **made_up.GUESS)
    monkeypatch.setattr(checks, "CHECKS", tmp_path)
    (tmp_path / "toy.json").write_text(json.dumps({"guess": {"right": {"found_by_asking": {"value": [True, 3]}}, "wrong": []}}))

    def guess(higher):
        return next(number for number in range(1000) if not higher(number))

    check("toy/guess", guess)
    assert "1 of 1 checks pass" in capsys.readouterr().out
    assert (
        told("toy/guess", lambda higher: higher("x"))[1] == "- Not the number. (Your code raised ValueError: that is no number)"
    )
    made_up.forget()


def test_where_the_answers_are_not_there_nothing_is_checked(shown, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(checks, "CHECKS", tmp_path / "nowhere")
    check("toy/double", abs)
    assert capsys.readouterr().out == "The checks are not run here.\n" and passed() == {}


def test_a_question_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"question is 'a1_clipping/x'; a1_clipping asks clip_grad_norm, "):
        check("a1_clipping/x", abs)


def test_where_nothing_can_be_written_checks_run_all_the_same(shown, monkeypatch, capsys):
    def full(*about):
        raise OSError("no space left on device")

    monkeypatch.setattr(workspace, "save", full)
    check("toy/double", lambda x: 2 * x)
    assert "2 of 2 checks pass" in capsys.readouterr().out


def test_a_stub_is_told_that_it_is_not_written_yet():
    def clip_grad_norm(parameters, max_norm):
        raise NotImplementedError()

    with pytest.raises(CheckFailed, match="not written yet"):
        check("a1_clipping/clip_grad_norm", clip_grad_norm)


def test_a_quiz_answer_is_taken_but_not_marked_in_the_notebook(capsys):
    for choice in "abcd":
        check("a1_clipping/quiz_nan", choice)
    assert capsys.readouterr().out.count("is noted") == 4
    for wrong in ("", "ab", "e", ["a"], None):
        with pytest.raises(CheckFailed, match="must be one of the letters a, b, c, d"):
            check("a1_clipping/quiz_nan", wrong)
    check("a3_loss_scaling/quiz_bf16", "ac")
    with pytest.raises(CheckFailed, match='one or more of the letters a, b, c, d, as in "ac"'):
        check("a3_loss_scaling/quiz_bf16", "aa")


def test_the_checks_work_without_the_autograder(work_folder):
    """A class receives the lessons and exercises, never the references: nothing in the package may need them."""
    code = (
        "import sys; sys.modules['autograder'] = None\n"
        "from stabilitylab.exercises import check\n"
        "check('a1_clipping/clip_grad_value', lambda p, v: [q.grad.clamp_(-v, v) for q in p if q.grad is not None])"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert json.loads((work_folder / "checks.json").read_text())["checks"] == {"a1_clipping/clip_grad_value": True}
