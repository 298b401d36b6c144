"""From answers to a share of the points and sentences."""

import pytest

from stabilitylab.exercises import MALFORMED, UNDEFINED, Probe, Question, agree, mark
from stabilitylab.exercises.values import encode


def first(learner, rng): ...
def second(learner, rng): ...
def third(learner, rng): ...
def fourth(learner, rng): ...


PROBES = tuple(Probe(ask, f"The {ask.__name__} is wrong.") for ask in (first, second, third, fourth))
QUESTION = Question("f", PROBES)


def answers(*values):
    """Answers to the four probes: values, or ready answers."""
    ready = [value if isinstance(value, dict) else {"value": encode(value)} for value in values]
    return {probe.name: answer for probe, answer in zip(PROBES, ready)}


def raised(name, message="no"):
    return {"error": name, "message": message}


RIGHT = answers(1.0, 2.0, 3.0, 4.0)
KNOWN = {
    "right": RIGHT,
    "wrong": [
        {"sentence": "You stop at two.", "given": answers(1.0, 2.0, 2.0, 2.0)},
        {"sentence": "You raise.", "given": answers(*[{"error": "ValueError"}] * 4)},
        {"sentence": "You give NaN.", "given": answers(1.0, 2.0, 3.0, float("nan"))},
        {"sentence": "You use the library.", "given": answers(1.0, 2.0, *[{"error": "RuledOut"}] * 2)},
    ],
}


def marked(*values, **options):
    return mark(QUESTION, answers(*values), KNOWN, **options)


def test_every_probe_is_worth_the_same_and_right_answers_are_told_nothing():
    assert marked(1.0, 2.0, 3.0, 4.0) == (1.0, [])
    assert marked(1.0, 2.0, 3.0, 5.0) == (0.75, ["The fourth is wrong."])
    assert marked(9.0, 2.0, 3.0, 5.0) == (0.5, ["The first is wrong.", "The fourth is wrong."])
    assert marked(9.0, 9.0, 9.0, 9.0)[0] == 0


def test_a_misconception_that_explains_everything_is_all_that_is_said():
    assert marked(1.0, 2.0, 2.0, 2.0) == (0.5, ["You stop at two."])
    assert marked(1.0, 2.0, 3.0, float("nan")) == (0.75, ["You give NaN."])
    assert marked(*[raised("ValueError")] * 4) == (0.0, ["You raise."])


@pytest.mark.parametrize("values", [(1.0, 2.0, 2.0, 4.0), (1.0, 2.0, 3.0, 2.0), (9.0, 2.0, 2.0, 2.0)])
def test_a_misconception_that_differs_on_one_probe_is_not_named(values):
    assert "You stop at two." not in marked(*values)[1]


def test_at_most_three_sentences_the_most_fundamental_first():
    assert marked(9.0, 9.0, 9.0, 9.0)[1] == ["The first is wrong.", "The second is wrong.", "The third is wrong."]


def test_the_second_probe_that_ends_in_the_same_failure_says_nothing_new():
    share, sentences = marked(raised("KeyError"), raised("KeyError"), 9.0, raised("TypeError"))
    assert share == 0 and sentences == [
        "The first is wrong. (Your code raised KeyError.)",
        "The third is wrong.",
        "The fourth is wrong. (Your code raised TypeError.)",
    ]


def test_what_a_grader_says_holds_no_text_of_the_learners():
    sentence = "The first is wrong. (Your code raised an exception of its own.)"
    assert marked(raised("Secret_1234", "secret"), 2.0, 3.0, 4.0)[1] == [sentence]
    assert marked(raised("print", "secret"), 2.0, 3.0, 4.0)[1] == [sentence]  # built in, but no exception
    assert marked(raised("KeyError", "secret"), 2.0, 3.0, 4.0)[1] == ["The first is wrong. (Your code raised KeyError.)"]


def test_the_visible_checks_quote_exceptions_shortened():
    assert marked(raised("Mine", "a\nb"), 2.0, 3.0, 4.0, quote=True)[1] == ["The first is wrong. (Your code raised Mine: a b)"]
    (sentence,) = marked(raised("KeyError", "word " * 200), 2.0, 3.0, 4.0, quote=True)[1]
    assert len(sentence) < 400 and sentence.endswith(" ...)")


def test_what_cannot_be_judged_and_code_that_was_stopped_are_told_so():
    assert marked(raised(MALFORMED, ""), 2.0, 3.0, 4.0)[1] == ["The first is wrong. (What came back cannot be judged.)"]
    assert marked(raised(MALFORMED, "no such batch"), 2.0, 3.0, 4.0)[1] == [
        "The first is wrong. (What came back cannot be judged: no such batch.)"
    ]
    assert marked({"died": "it took too long"}, 2.0, 3.0, 4.0) == (
        0.75,
        ["The first is wrong. (Your code was stopped: it took too long.)"],
    )


def test_what_is_not_there_or_not_written_is_told_in_one_sentence():
    assert marked(*[{"error": UNDEFINED}] * 4) == (0.0, ["f is not defined: no cell that ran to its end defines it."])
    assert marked(*[raised("NotImplementedError")] * 4) == (
        0.0,
        ["f is not written yet: replace the line that raises NotImplementedError."],
    )
    assert "not written" not in " ".join(marked(1.0, 2.0, 3.0, raised("NotImplementedError"))[1])


def test_using_what_is_ruled_out_earns_nothing():
    generic = "f must not use the library's own: it is ruled out here, and using it earns nothing."
    assert marked(1.0, 2.0, 3.0, raised("RuledOut")) == (0.0, [generic])
    assert marked(1.0, 2.0, raised("RuledOut"), raised("RuledOut")) == (0.0, ["You use the library."])


def test_answers_agree_in_value_or_in_their_exception():
    probe = PROBES[0]
    assert agree({"value": 1.0}, {"value": 1.00001}, probe) and not agree({"value": 1.0}, {"value": 1.1}, probe)
    assert agree({"value": 1.0}, {"value": 1.1}, Probe(first, "", rtol=0.2))
    assert agree(raised("E", "a"), raised("E", "b"), probe) and not agree(raised("E"), raised("F"), probe)
    assert not agree({"value": 1.0}, raised("E"), probe) and not agree(raised("E"), {"value": 1.0}, probe)
    assert not agree({"died": "x"}, {"died": "x"}, probe)
    nan = {"value": encode(float("nan"))}
    assert not agree(nan, nan, probe) and agree(nan, nan, probe, nan_is_nan=True)
