"""From what a submission answered to marks and sentences, on a made-up assignment and without processes."""

import dataclasses

import pytest

from autograder import judge
from autograder.asking import STOPPED, Collected, collect
from autograder.expected import Expected
from autograder.judge import Mark
from autograder.keys import QuizKey
from autograder.sandbox.host import LEFT_OUT, Code, Outcome
from stabilitylab import exercises
from tests.autograder.toy import NAME, SOLVED, Here


@pytest.fixture
def expected(toy):
    return Expected(Here(), NAME, seed=7)


def code(*sources):
    return [Code(source, position=at) for at, source in enumerate(sources, start=1)]


def marks(expected, *sources, order=None):
    """What a notebook gets in which later cells stand for earlier ones that were changed."""
    cells = code("\n".join(sources))
    return judge.judge(collect(Here(), cells, expected), cells, expected, order)


def test_a_mark_cannot_be_changed_later():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Mark(0.5, ()).share = 1.0


def test_the_right_answers_get_everything_and_no_sentence(expected):
    assert marks(expected, *SOLVED) == dict.fromkeys(expected.drawn, Mark(1.0, ()))
    assert expected._sandbox.done.count("small") == 1  # no wrong answer had to be asked


def test_a_wrong_answer_costs_its_probes_and_is_told_the_misconception(expected):
    found = marks(
        expected, *SOLVED, "def double(x):\n    return abs(x) * 2", "def near(target):\n    return 0", "answer_one = 'a'"
    )
    assert found["double"] == Mark(0.5, ("You lose the sign.",))
    assert found["near"] == Mark(0.0, ("You stop ten too early.",))
    assert found["quiz_one"] == Mark(0.0, ("It is not the first.",))
    assert found["quiz_some"] == Mark(1.0, ())


def test_a_misconception_that_explains_a_part_only_is_not_named(expected):
    zero = marks(expected, *SOLVED, "def double(x):\n    return 2 * x if x > 0 else 0.0")["double"]
    assert zero == Mark(0.5, ("Not twice a negative number.",))
    both = marks(expected, *SOLVED, "def double(x):\n    return x if x > 0 else 0.0")["double"]  # one probe as wrong_same
    assert both == Mark(0.0, ("Not twice a number.", "Not twice a negative number."))


def test_what_is_not_there_earns_nothing_and_is_asked_for(expected):
    found = marks(expected)
    assert {grade_id: mark.share for grade_id, mark in found.items()} == dict.fromkeys(expected.drawn, 0.0)
    assert found["double"].feedback == ("double is not defined: no cell that ran to its end defines it.",)
    assert found["quiz_one"].feedback == ("answer_one must be one of the letters a, b, c, d.",)


def test_exceptions_are_named_only_if_they_are_pythons_own_and_never_quoted(expected):
    secret = "class Secret_1234(Exception): ...\ndef double(x):\n    raise Secret_1234(str(x))"
    assert marks(expected, *SOLVED, secret)["double"] == Mark(
        0.0, ("Not twice a number. (Your code raised an exception of its own.)",)
    )
    wrong = "def double(x):\n    raise KeyError(str(x))"
    assert marks(expected, *SOLVED, wrong)["double"].feedback == ("Not twice a number. (Your code raised KeyError.)",)


def test_code_that_was_stopped_is_told_why(expected):
    dies = "def double(x):\n    if x < 0:\n        raise Died('it took too long')\n    return 2 * x"
    assert marks(expected, *SOLVED, dies)["double"] == Mark(
        0.5, ("Not twice a negative number. (Your code was stopped: it took too long.)",)
    )


def test_an_answer_that_cannot_be_settled_is_told_so(expected):
    mark = marks(expected, *SOLVED, "def near(target):\n    return 'endless'")["near"]
    assert mark.share == 0 and len(mark.feedback) == 1


# the first cell that failed

FAILED = Outcome("ValueError", "no", 3)


def first_error(outcome, source="x = 1\ny = 2", position=2):
    cells = [Code("setup"), Code(source, position=position)]
    return judge.first_error(Collected(outcomes={0: Outcome("KeyError", "of the release"), 1: outcome}), cells)


@pytest.mark.parametrize(
    "outcome, said",
    [
        (FAILED, "raised ValueError in line 3, which says: no"),
        (Outcome("ValueError", ""), "raised ValueError."),
        (Outcome("Secret_1234", "hello"), "raised an exception of its own, which says: hello"),
        (Outcome("TimeoutError", "", 1), "raised TimeoutError in line 1."),
        (
            Outcome("TookTooLong", "it was stopped after 20 seconds", 2),
            "did not come to its end in line 2: it was stopped after 20 seconds.",
        ),
        (
            Outcome(LEFT_OUT, "the cells before it took all the time there is"),
            "was left out: the cells before it took all the time there is.",
        ),
        (Outcome(STOPPED, "it ended the process"), "ended the whole process: it ended the process."),
    ],
)
def test_the_first_cell_that_failed_is_told(outcome, said):
    assert first_error(outcome) == f"Cell 2 of your notebook, which begins with `x = 1`, {said}"


def test_where_no_cell_of_the_learners_failed_nothing_is_told():
    assert first_error(Outcome()) == "" and first_error(FAILED, position=None) == ""


def test_long_texts_are_shortened():
    said = first_error(Outcome("ValueError", "word " * 100), source="name " * 100)
    assert len(said) < 350 and "` name" not in said and said.count(" ...") == 2


def test_the_first_error_stands_first_on_the_first_question_that_lost_points_and_nowhere_else(expected):
    cells = code(SOLVED[0], "1 / 0", "answer_one = 'a'", "[][1]")
    found = judge.judge(collect(Here(), cells, expected), cells, expected)
    raised = "Cell 2 of your notebook, which begins with `1 / 0`, raised ZeroDivisionError, which says: division by zero"
    assert found["quiz_one"] == Mark(0.0, (raised, "It is not the first."))
    assert found["double"] == Mark(1.0, ()) and len(found["quiz_some"].feedback) == 1
    cells = code(*SOLVED, "1 / 0")
    assert judge.judge(collect(Here(), cells, expected), cells, expected) == dict.fromkeys(expected.drawn, Mark(1.0, ()))


def test_which_of_several_definitions_counts_is_told(expected):
    cells = code("def double(x):\n    return 2 * x", "x = 1", "def double(x):\n    return x")
    assert judge.choices(collect(Here(), cells, expected), cells) == [
        "double is defined in several cells; the one in cell 1 counts."
    ]
    assert judge.choices(collect(Here(), cells[:2], expected), cells[:2]) == []


# quiz questions


def test_a_quiz_answer_is_marked_in_the_order_its_learner_saw(expected):
    order = {"quiz_one": "dcba"}
    assert marks(expected, *SOLVED, "answer_one = 'c'", order=order)["quiz_one"] == Mark(1.0, ())
    assert marks(expected, *SOLVED, order=order)["quiz_one"] == Mark(0.0, ("It is not the third.",))
    assert marks(expected, *SOLVED, order=order)["quiz_some"] == Mark(1.0, ())  # not in the order given: the source's


def test_several_choices_share_the_points(expected):
    some = {
        answer: marks(expected, *SOLVED, f"answer_some = {answer!r}")["quiz_some"]
        for answer in ("a", "acb", "abcd", "b", "bd", "abd")
    }
    assert some["a"] == Mark(0.5, ("1 more of the choices is right.",))
    assert some["acb"] == Mark(0.5, ("Twice one is two, and even.",))
    assert some["abcd"].share == some["b"].share == some["bd"].share == 0.0
    assert some["b"].feedback[-1] == "2 more of the choices are right."
    assert some["abd"] == Mark(
        0.0, ("Twice one is two, and even.", "Twice three is six, and even.", "1 more of the choices is right.")
    )


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
