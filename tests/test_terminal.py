"""Questions and interviews as they are held in a terminal."""

import inspect

import pytest

from stabilitylab import cli
from stabilitylab.questions import bank, interview
from tests.questions.made_up import INTERVIEW


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    monkeypatch.setattr(bank, "load", lambda: INTERVIEW)


def test_a_mock_interview_in_the_terminal(monkeypatch, capsys):
    typed = iter(["I would look at the norm.", "", "3", "", "9", "4", "", "0"])
    monkeypatch.setattr("builtins.input", lambda *prompt: next(typed))
    assert cli.main(["interview", "--minutes", "15"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("In three sentences.") == 3 and "Please select one of the available options" in printed
    assert "7 of 12 points" in printed and "Debrief" in printed
    assert interview.history()[0]["rounds"][0]["said"] == "I would look at the norm."


def test_the_end_of_the_input_ends_the_interview_with_a_debrief(monkeypatch, capsys):
    def end(*prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    assert cli.main(["interview"]) == 0
    assert "Nothing was answered." in capsys.readouterr().out


RULED_OUT = """\
import torch


def clip_grad_norm(parameters, max_norm):
    return torch.nn.utils.clip_grad_norm_(list(parameters), max_norm)
"""


@pytest.mark.parametrize(
    "write, score, says",
    [
        (RULED_OUT, 0, "ruled out"),
        ("def clip_grad_norm(parameters, max_norm):\n    return 1 / 0\n", 0, "checks pass"),
        ("def clip_grad_norm(parameters, max_norm)\n", 0, "SyntaxError"),
        ("x = 1\n", 0, "defines no clip_grad_norm"),
        (None, 4, "Every check passes."),
    ],
)
def test_a_coding_round_in_the_terminal_marks_what_stands_in_the_file(monkeypatch, capsys, work_folder, write, score, says):
    from autograder.reference import a1_clipping as reference

    typed = iter(["", "4"] * 4)

    def answer(*prompt):
        try:
            return next(typed)
        except StopIteration:
            (file,) = (work_folder / "interview").glob("clip_grad_norm_*.py")
            file.write_text(file.read_text() + (write or inspect.getsource(reference)))
            return ""

    monkeypatch.setattr("builtins.input", answer)
    assert cli.main(["interview", "--minutes", "30"]) == 0
    printed = capsys.readouterr().out
    assert says in printed and f"{16 + score} of 20 points" in printed
