"""From a learner's cells to marks, on a made-up assignment and without processes."""

import dataclasses

import pytest

from autograder import judge
from autograder.judge import Expected, Mark, collect
from autograder.keys import QuizKey
from autograder.sandbox.host import PATIENT
from stabilitylab import exercises
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, SOLVED, Here


@pytest.fixture
def expected(toy):
    return Expected(Here(), NAME, seed=7)


def marks(expected, cells, order=None, box=None):
    box = box or Here()
    found = judge.judge(box, collect(box, cells, expected), expected, order)
    assert box.open == 0
    return found


def test_the_reference_is_asked_once_and_quiz_questions_are_drawn_but_not_answered(expected):
    assert set(expected.drawn) == {"double", "near", "quiz_one", "quiz_some"}
    assert set(expected.right) == {"double", "near"}
    assert expected.right["double"]["negative"]["value"] < -2 < 2 < expected.right["double"]["small"]["value"]
    assert expected.right["near"]["closest"] == {"value": True}  # settled: what is compared, not what was returned
    assert "start" in expected.drawn["double"]["small"] and 100 <= expected.drawn["near"]["closest"]["data"] < 10_000
    assert expected._sandbox.limits == [PATIENT] and expected._sandbox.open == 0


def test_another_seed_draws_other_data(expected, toy):
    other = Expected(Here(), NAME, seed=8)
    assert other.drawn["double"]["small"] != expected.drawn["double"]["small"]
    assert other.right["double"] != expected.right["double"]


def test_wrong_answers_are_asked_when_first_needed_and_once(expected):
    assert expected._sandbox.done.count("small") == 1
    known = expected.of("double")
    assert [wrong["sentence"] for wrong in known["wrong"]] == [
        "You lose the sign.",
        "You raise.",
        "You return what you were given.",
    ]
    assert known["right"] is expected.right["double"]
    assert expected._sandbox.done.count("small") == 4 and "settle closest" in expected._sandbox.done
    assert expected.of("double")["wrong"] is known["wrong"] and expected._sandbox.done.count("small") == 4
    assert expected._sandbox.limits == [PATIENT, PATIENT] and expected._sandbox.open == 0


def test_the_text_of_an_exception_is_not_compared(expected):
    raising = next(wrong for wrong in expected.of("double")["wrong"] if wrong["sentence"] == "You raise.")
    assert raising["given"] == {"small": {"error": "ValueError"}, "negative": {"error": "ValueError"}}


def test_an_answer_of_the_bank_has_the_references_other_functions_around_it(toy):
    expected = Expected(Here(), NAME, seed=7)
    with expected.trusted() as worker:
        given = expected.given(worker, "double", "def double(x):\n    return near(x) + near(x)")
        assert given == expected.right["double"]
        assert expected.given(worker, "double", "x = 1") == expected.right["double"]


def test_a_reference_that_fails_a_probe_is_named(toy, monkeypatch):
    made_up.install(toy, monkeypatch, reference="def near(t):\n    return t\ndef double(x):\n    return x / (x > 0)")
    with pytest.raises(RuntimeError, match=r"the reference of toy fails probe negative of double: .*ZeroDivisionError"):
        Expected(Here(), NAME, seed=7)


def test_a_mark_cannot_be_changed_later():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mark(0.5, ()).share = 1.0


def test_the_right_answers_get_everything_and_no_sentence(expected):
    assert marks(expected, SOLVED) == dict.fromkeys(expected.drawn, Mark(1.0, ()))
    assert expected._sandbox.done.count("small") == 1  # no wrong answer had to be asked


def test_a_wrong_answer_costs_its_probes_and_is_told_the_misconception(expected):
    found = marks(
        expected, [*SOLVED, "def double(x):\n    return abs(x) * 2", "def near(target):\n    return 0", "answer_one = 'a'"]
    )
    assert found["double"] == Mark(0.5, ("You lose the sign.",))
    assert found["near"] == Mark(0.0, ("You stop ten too early.",))
    assert found["quiz_one"] == Mark(0.0, ("It is not the first.",))
    assert found["quiz_some"] == Mark(1.0, ())


def test_one_probe_wrong_is_not_full_marks(expected):
    assert marks(expected, [*SOLVED, "def double(x):\n    return 2 * x if x > 0 else 0.0"])["double"] == Mark(
        0.5, ("Not twice a negative number.",)
    )


def test_what_is_not_there_earns_nothing_and_is_asked_for(expected):
    found = marks(expected, [])
    assert {grade_id: mark.share for grade_id, mark in found.items()} == dict.fromkeys(expected.drawn, 0.0)
    assert found["double"].feedback[0].startswith("Not twice a number.")
    assert found["quiz_one"].feedback == ("answer_one must be one of the letters a, b, c, d.",)


def test_a_quiz_answer_is_marked_in_the_order_its_learner_saw(expected):
    order = {"quiz_one": "dcba"}
    assert marks(expected, [*SOLVED, "answer_one = 'c'"], order)["quiz_one"] == Mark(1.0, ())
    assert marks(expected, SOLVED, order)["quiz_one"] == Mark(0.0, ("It is not the third.",))
    assert marks(expected, SOLVED, order)["quiz_some"] == Mark(1.0, ())  # not in the order given: the source's


def test_several_choices_share_the_points(expected):
    some = {
        answer: marks(expected, [*SOLVED, f"answer_some = {answer!r}"])["quiz_some"]
        for answer in ("a", "acb", "abcd", "b", "bd", "abd")
    }
    assert some["a"] == Mark(0.5, ("1 more of the choices is right.",))
    assert some["acb"] == Mark(0.5, ("Twice one is two, and even.",))
    assert some["abcd"].share == some["b"].share == some["bd"].share == 0.0
    assert some["b"].feedback[-1] == "2 more of the choices are right."
    assert some["abd"] == Mark(
        0.0, ("Twice one is two, and even.", "Twice three is six, and even.", "1 more of the choices is right.")
    )


DIES = "def double(x):\n    raise Died('it ended the process')"


def test_code_that_ends_its_process_costs_the_rest_of_its_question_only(expected):
    box = Here()
    collected = collect(box, [*SOLVED, DIES], expected)
    assert collected["double"] == {"small": {"died": "it ended the process"}, "negative": {"died": "it ended the process"}}
    assert collected["near"]["closest"] == {"value": expected.drawn["near"]["closest"]["data"]}
    assert collected["quiz_one"] == {"_choice": {"value": "b"}} and collected["quiz_some"] == {"_choice": {"value": "ca"}}
    assert box.done == ["load", "small", "load", "closest", "_choice", "_choice"]  # no second try at a question that died
    assert box.limits == [None, None] and box.open == 0
    mark = marks(expected, [*SOLVED, DIES])["double"]
    assert mark.share == 0 and "(Your code was stopped: it ended the process.)" in mark.feedback[0]


def test_what_was_answered_before_the_end_counts(expected):
    dies = "def double(x):\n    if x < 0:\n        raise Died('it took too long')\n    return 2 * x"
    mark = marks(expected, [*SOLVED, dies])["double"]
    assert mark.share == 0.5 and "it took too long" in mark.feedback[0]


def test_after_three_ends_nothing_more_is_tried(expected):
    box = Here()
    collected = collect(box, ["raise Died('it used too much memory')"], expected)
    assert box.done == ["load"] * 3 and box.open == 0
    assert all(answers == {name: {"died": "it used too much memory"} for name in answers} for answers in collected.values())
    twice = [*SOLVED, DIES, "def near(target):\n    raise Died('again')"]
    assert collect(box, twice, expected)["quiz_some"] == {"_choice": {"value": "ca"}}  # two ends are not yet too many


def test_an_answer_that_cannot_be_settled_is_malformed_and_the_next_gets_a_new_worker(toy, monkeypatch):
    again = made_up.QUESTIONS["near"].probes[0]
    questions = made_up.QUESTIONS | {"nearer": made_up.Question("nearer", (again,))}
    made_up.install(toy, monkeypatch, questions=questions, reference=made_up.REFERENCE + "nearer = near")
    (toy / "bank" / NAME / "near" / "wrong_does_nothing.py").unlink()
    expected, box = Expected(Here(), NAME, seed=7), Here()
    given = collect(box, [*SOLVED, "nearer = near", "def near(target):\n    return 'endless'"], expected)
    box = Here()
    found = judge.judge(box, given, expected)
    assert found["near"] == Mark(0.0, ("Too far away. (Your code raised MalformedAnswer.)",))
    assert found["nearer"] == Mark(1.0, ())
    assert box.limits == [None, None] and box.open == 0


def test_only_what_has_to_be_settled_starts_a_worker(expected):
    collected = collect(Here(), [SOLVED[0].replace("target", "t, u"), *SOLVED[1:]], expected)
    assert "error" in collected["near"]["closest"]
    box = Here()
    judge.judge(box, collected, expected)
    assert box.limits == []
    settled = collect(Here(), SOLVED, expected)
    judge.judge(box, settled, expected)
    assert box.limits == [None] and box.done == ["settle closest"]


def test_the_keys_of_a_real_assignment_are_found():
    assert set(judge.keys("a1_clipping")) == {"quiz_direction", "quiz_nan", "quiz_adam"}


ONE, SEVERAL = exercises.quiz("answer_x"), exercises.quiz("answer_x", several=True)


@pytest.mark.parametrize(
    "question, right, answer, order, share, says",
    [
        (ONE, "b", "b", "abcd", 1.0, ()),
        (ONE, "b", "a", "abcd", 0.0, ("not a",)),
        (ONE, "b", "d", "acdb", 1.0, ()),
        (ONE, "b", "b", "acdb", 0.0, ("not c",)),
        (ONE, "b", "bd", "abcd", 0.0, ("answer_x must be one of the letters a, b, c, d.",)),
        (ONE, "b", ["b"], "abcd", 0.0, ("answer_x must be one of the letters a, b, c, d.",)),
        (SEVERAL, "bd", "db", "abcd", 1.0, ()),
        (SEVERAL, "bd", "b", "abcd", 0.5, ("1 more of the choices is right.",)),
        (SEVERAL, "bd", "bda", "abcd", 0.5, ("not a",)),
        (SEVERAL, "bd", "abcd", "abcd", 0.0, ("not a", "not c")),
        (SEVERAL, "bd", "bb", "abcd", 0.0, ('answer_x must be one or more of the letters a, b, c, d, as in "ac".',)),
    ],
)
def test_what_a_quiz_answer_earns_and_is_told(question, right, answer, order, share, says):
    key = QuizKey(right, {letter: f"not {letter}" for letter in "abcd" if letter not in right})
    mark = judge._mark_choice(question, key, answer, order)
    assert (mark.share, mark.feedback) == (share, says)
