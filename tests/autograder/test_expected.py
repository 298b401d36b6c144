"""What is right and what is known to be wrong, on a made-up assignment and without processes."""

import pytest

from autograder.expected import Expected
from autograder.sandbox.limits import PATIENT
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, Here


@pytest.fixture
def expected(toy):
    return Expected(Here(), NAME, seed=7)


def test_the_reference_is_asked_once_and_quiz_questions_are_drawn_but_not_answered(expected):
    assert set(expected.drawn) == {"double", "near", "quiz_one", "quiz_some"}
    assert set(expected.right) == {"double", "near"}
    assert expected.right["double"]["negative"]["value"] < -2 < 2 < expected.right["double"]["small"]["value"]
    assert expected.right["near"]["closest"] == {"value": True}  # settled: what is compared, not what was returned
    assert "start" in expected.drawn["double"]["small"] and 100 <= expected.drawn["near"]["closest"]["data"] < 10_000
    box = expected._sandbox
    assert box.done.count("small") == 1 and set(box.limits) == {PATIENT} and box.open == 0


def test_another_seed_draws_other_data(expected, toy):
    other = Expected(Here(), NAME, seed=8)
    assert other.drawn["double"]["small"] != expected.drawn["double"]["small"]
    assert other.right["double"] != expected.right["double"]


def test_wrong_answers_are_asked_when_first_needed_and_once(expected):
    box = expected._sandbox
    assert box.done.count("small") == 1
    known = expected.of("double")
    assert [wrong["sentence"] for wrong in known["wrong"]] == [
        "You lose the sign.",
        "You raise.",
        "You return what you were given.",
    ]
    assert known["right"] is expected.right["double"]
    assert box.done.count("small") == 4
    assert expected.of("double") == known and box.done.count("small") == 4
    assert set(box.limits) == {PATIENT} and box.open == 0


def test_a_wrong_answer_that_gives_something_else_is_left_out_and_asked_no_further(expected):
    box = expected._sandbox
    right = expected.right["double"]
    assert expected.of("double", right | {"small": {"value": 3.0}})["wrong"] == []
    assert (box.done.count("small"), box.done.count("negative")) == (4, 1)
    lost_sign = {"small": right["small"], "negative": {"value": -right["negative"]["value"]}}
    (known,) = expected.of("double", lost_sign)["wrong"]
    assert known["sentence"] == "You lose the sign." and box.done.count("negative") == 2 and box.open == 0


def test_known_wrong_answers_are_settled_too(expected):
    assert [wrong["given"]["closest"] for wrong in expected.of("near")["wrong"]] == [
        {"error": "MalformedAnswer"},
        {"value": False},
    ]


def test_the_text_of_an_exception_is_not_compared(expected):
    raising = next(wrong for wrong in expected.of("double")["wrong"] if wrong["sentence"] == "You raise.")
    assert raising["given"] == {"small": {"error": "ValueError"}, "negative": {"error": "ValueError"}}


def test_an_answer_of_the_bank_has_the_references_other_functions_around_it(expected):
    with expected.trusted() as worker:
        given = expected.given(worker, "double", "def double(x):\n    return near(x) + near(x)")
        assert given == expected.right["double"]
        assert expected.given(worker, "double", "x = 1") == expected.right["double"]


def test_our_own_answers_meet_their_partners(toy, monkeypatch):
    made_up.install(toy, monkeypatch, **made_up.GUESS)
    expected = Expected(Here(), NAME, seed=7)
    assert expected.right["guess"] == {"found_by_asking": {"value": [True, 3]}}
    assert [wrong["given"]["found_by_asking"] for wrong in expected.of("guess")["wrong"]] == [
        {"value": [False, 1]},
        {"value": [False, 0]},
    ]
    assert set(expected._sandbox.limits) == {PATIENT} and expected._sandbox.open == 0


@pytest.mark.parametrize("fails", ["return x / (x > 0)", "return {x}"])
def test_a_reference_that_fails_a_probe_is_named(toy, monkeypatch, fails):
    made_up.install(toy, monkeypatch, reference=f"def near(t):\n    return 1 / 0\ndef double(x):\n    {fails}")
    with pytest.raises(RuntimeError, match=r"^the reference of toy fails probe \w+ of \w+: .*'ZeroDivisionError'"):
        Expected(Here(), NAME, seed=7)
