"""The grader on trial: each kind of problem is noticed, on a made-up bank."""

import dataclasses
import itertools
from random import Random

import pytest

from autograder import trial
from autograder.sandbox.limits import PATIENT
from stabilitylab.exercises import Probe, Question, given
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, Here


@pytest.fixture
def box(monkeypatch):
    box = Here()
    monkeypatch.setattr(trial, "Sandbox", lambda: box)
    return box


def problems(folder, monkeypatch, **changes):
    """What is found in the made-up bank with some answers changed, added, or taken away (None)."""
    answers = {place: answer for place, answer in (made_up.BANK | changes.pop("answers", {})).items() if answer}
    made_up.install(folder / "changed", monkeypatch, answers=answers, **changes)
    return trial.try_bank(NAME).problems


def test_a_sound_bank_has_no_problem_and_every_answer_a_verdict(toy, box):
    found = trial.try_bank(NAME)
    assert found.problems == ()
    assert found.probes == {"double": ("small", "negative"), "near": ("closest",)}
    verdicts = {f"{v.answer.question}/{v.answer.name}": v for v in found.verdicts}
    assert set(verdicts) == set(made_up.BANK) and all(v.problem is None for v in found.verdicts)
    assert verdicts["double/wrong_positive"].caught_by == ("negative",)
    assert verdicts["double/wrong_same"].caught_by == ("small", "negative")
    assert (verdicts["double/wrong_positive"].mark.share, verdicts["double/right_sum"].mark.share) == (0.5, 1.0)
    assert verdicts["double/wrong_same"].mark.feedback == ("You return what you were given.",)
    assert verdicts["double/right_sum"].caught_by == () and verdicts["double/right_sum"].mark.feedback == ()
    assert box.closed == 1 and box.open == 0 and set(box.limits) == {PATIENT}


def test_a_wrong_answer_with_full_marks_is_noticed(toy, box, monkeypatch):
    right = {"double/wrong_twice": ("You double twice.", "def double(x):\n    return x * 2\n")}
    assert problems(toy, monkeypatch, answers=right) == ("double/wrong_twice: is wrong and got full marks",)


def test_of_two_wrong_answers_that_cannot_be_told_apart_neither_is_named(toy, box, monkeypatch):
    same = {"double/wrong_sooner": ("You are the same.", "def double(x):\n    return +x\n")}
    assert problems(toy, monkeypatch, answers=same) == ()  # it gives what another one gives: neither can be named


def test_an_answer_that_gives_what_is_never_the_same_is_noticed(toy, box, monkeypatch):
    code = "def double(x):\n    return x if x > 0 else object()\n"  # nothing equals an object: nothing can be recognised by it
    said = "double/wrong_early: is told 'Not twice a number.' instead of its own sentence"
    assert problems(toy, monkeypatch, answers={"double/wrong_early": ("You give up.", code)}) == (said,)


def test_an_answer_that_shares_one_probe_with_another_is_told_its_own_sentence(toy, box, monkeypatch):
    code = "def double(x):\n    return x if x > 0 else 0\n"  # as wrong_same on one probe, and listed after it
    assert problems(toy, monkeypatch, answers={"double/wrong_zero": ("You give up.", code)}) == ()


def test_a_right_answer_that_loses_points_is_noticed(toy, box, monkeypatch):
    wrong = {"double/right_sum": ("Adds.", "def double(x):\n    return x + x + 1\n")}
    assert problems(toy, monkeypatch, answers=wrong) == ("double/right_sum: is right and lost points: Not twice a number.",)


def test_code_that_does_nothing_and_earns_points_is_noticed(toy, box, monkeypatch):
    nothing = {"double/wrong_does_nothing": ("You do nothing.", "def double(x):\n    return 2 * x if x > 0 else 0\n")}
    assert problems(toy, monkeypatch, answers=nothing) == ("double/wrong_does_nothing: does nothing and earned 50%",)


@pytest.mark.parametrize("other", ["a", "z"])
def test_what_another_question_catches_does_not_count(toy, box, monkeypatch, other):
    first = made_up.QUESTIONS["double"]
    questions = {other: Question("double", first.probes), "double": first}
    answers = {place: None for place in made_up.BANK if place.startswith("near/")}
    answers |= {f"{other}/wrong_positive": ("You lose the sign.", "def double(x):\n    return abs(2 * x)\n")}
    answers |= {f"{other}/wrong_small": ("You stop.", "def double(x):\n    return min(2 * x, 1)\n"), "double/wrong_same": None}
    answers |= {"double/wrong_raises": None}
    said = ("double: probe small catches nothing in the bank",)
    assert problems(toy, monkeypatch, answers=answers, questions=questions) == said


def test_a_probe_that_catches_nothing_is_noticed(toy, box, monkeypatch):
    none = dict.fromkeys(("double/wrong_same", "double/wrong_raises"))
    assert problems(toy, monkeypatch, answers=none) == ("double: probe small catches nothing in the bank",)
    lost = {"double/right_sum": ("Adds.", "def double(x):\n    return 0\n")}  # what fails a right answer catches nothing
    assert "double: probe small catches nothing in the bank" in problems(toy, monkeypatch, answers=none | lost)


def constant(double, rng):
    return double(21)


def of_two(double, rng):
    return double(rng.choice((1, 2)))


def ignored(near, target):
    return near(target)


def test_a_probe_that_can_be_recited_is_noticed(toy, box, monkeypatch):
    _, second = made_up.QUESTIONS["double"].probes
    questions = {"double": Question("double", (Probe(constant, "Not 42."), second)), "near": made_up.QUESTIONS["near"]}
    said = "double: probe constant has the same right answer on every seed: it could be recited"
    assert problems(toy, monkeypatch, questions=questions) == (said,)
    settled = Probe(constant, "Not 42.", settle=lambda raw, rng: raw)  # what is settled is another thing than what is returned
    assert problems(toy, monkeypatch, questions={**questions, "double": Question("double", (settled, second))}) == ()


def test_a_probe_is_recited_only_if_it_is_the_same_on_all_three_seeds(toy, box, monkeypatch):
    probe = Probe(of_two, "Not twice.")
    drawn = {seed: Random(given(probe, seed)["start"]).choice((1, 2)) for seed in range(20)}
    ones, twos = ([seed for seed, value in drawn.items() if value == wanted] for wanted in (1, 2))
    questions = {"double": Question("double", (probe, made_up.QUESTIONS["double"].probes[1])), "near": made_up.QUESTIONS["near"]}
    answers = {"double/wrong_raises": None}
    for seeds, said in (([ones[0], ones[1], twos[0]], 0), ([ones[0], twos[0], ones[1]], 0), (ones[:3], 1)):
        drawing = iter(seeds)
        monkeypatch.setattr(trial.secrets, "randbits", lambda bits, drawing=drawing: next(drawing))
        assert len(problems(toy, monkeypatch, questions=questions, answers=answers)) == said
        assert next(drawing, None) is None  # three seeds were drawn


def test_every_trial_has_fresh_seeds_and_its_outcome_stands(toy, box, monkeypatch):
    asked = []
    numbers = itertools.count()
    monkeypatch.setattr(trial.secrets, "randbits", lambda bits: asked.append(bits) or next(numbers))
    found = trial.try_bank(NAME)
    assert asked == [128] * 3
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.problems = ()
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.verdicts[0].problem = None


def test_an_assignment_without_a_bank_is_refused(toy, box):
    with pytest.raises(ValueError, match=r"NAME is 'a9'; the assignments with a bank are toy$"):
        trial.try_bank("a9")
    assert box.limits == []
