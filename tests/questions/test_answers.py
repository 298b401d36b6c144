import json
from dataclasses import replace

import pytest

from stabilitylab.questions import answers
from stabilitylab.questions.bank import Choice
from tests.questions.made_up import FREE, MULTIPLE, NUMERIC, SINGLE


def test_answers_are_remembered_with_every_attempt(monkeypatch, work_folder):
    monkeypatch.setattr(answers.time, "strftime", lambda form: f"now as {form}")
    assert answers.load() == {}
    assert answers.keep(SINGLE, "b") is False
    assert answers.keep(MULTIPLE, ["a", "c"]) is True
    assert answers.keep(SINGLE, "a") is True
    when = "now as %Y-%m-%d %H:%M"
    kept = {
        "03-x": [{"given": "b", "right": False, "when": when}, {"given": "a", "right": True, "when": when}],
        "03-m": [{"given": ["a", "c"], "right": True, "when": when}],
    }
    assert answers.load() == kept
    assert json.loads((work_folder / "answers.json").read_text()) == {"version": 1, "answers": kept}


@pytest.mark.parametrize("score, right", [(0, False), (2, False), (3, True), (4, True)])
def test_a_score_of_one_s_own_counts_from_three(score, right):
    assert answers.keep(FREE, score) == right
    assert answers.load()["03-f"][0]["given"] == score and answers.load()["03-f"][0]["right"] == right


@pytest.mark.parametrize(
    "question, given, said",
    [
        (SINGLE, "a", ["Right.", "a) because"]),
        (SINGLE, "b", ["No.", "b) it forgets"]),
        (MULTIPLE, ["c", "a"], ["Right.", "a) because", "c) it cannot"]),
        (MULTIPLE, ["a"], ["Not yet.", "a) because", "1 more of the choices is right."]),
        (MULTIPLE, ["b", "a"], ["Not yet.", "a) because", "b) it forgets", "1 more of the choices is right."]),
        (MULTIPLE, ["b"], ["No.", "b) it forgets", "2 more of the choices are right."]),
        (MULTIPLE, ["a", "b", "c"], ["Not yet.", "a) because", "b) it forgets", "c) it cannot"]),
    ],
)
def test_feedback_explains_what_was_chosen_and_counts_what_was_missed(question, given, said):
    assert answers.feedback(question, given) == said


NEGATIVE = replace(NUMERIC, choices=(Choice("100", "it forgets the root"), Choice("-50", "the sign"), Choice("99", "by one")))


@pytest.mark.parametrize(
    "given, said",
    [
        (10.0, "Right. the root"),
        (100.0, "No. it forgets the root"),
        (100.9, "No. it forgets the root"),
        (101.1, "No, and it is not one of the usual mistakes either. Try again."),
        (99.5, "No. it forgets the root"),
        (98.9, "No. by one"),
        (-50.0, "No. the sign"),
        (-50.4, "No. the sign"),
        (-50.6, "No, and it is not one of the usual mistakes either. Try again."),
        (3.0, "No, and it is not one of the usual mistakes either. Try again."),
    ],
)
def test_a_wrong_number_is_told_which_mistake_gives_it(given, said):
    assert answers.feedback(NEGATIVE, given) == [said]


def test_a_mistake_is_recognised_up_to_its_tolerance():
    wide = replace(NUMERIC, tolerance=0.25, choices=(Choice("100", "it forgets the root"),))
    assert answers.feedback(wide, 125.0) == answers.feedback(wide, 75.0) == ["No. it forgets the root"]


@pytest.mark.parametrize(
    "question, given, said",
    [
        (SINGLE, "a", ["b) it forgets", "c) it cannot"]),
        (SINGLE, "b", ["a) Right: because", "c) it cannot"]),
        (MULTIPLE, ["b"], ["a) Right: because", "c) Right: it cannot"]),
        (MULTIPLE, ["a", "b", "c"], []),
        (NUMERIC, 10.05, []),
        (NUMERIC, 3.0, ["It is 10. the root"]),
        (replace(NUMERIC, answer=0.00025, choices=()), 3.0, ["It is 0.00025. the root"]),
    ],
)
def test_what_was_not_chosen_is_explained_when_nothing_is_left_to_guess(question, given, said):
    assert answers.others(question, given) == said


@pytest.mark.parametrize(
    "question, typed, read",
    [
        (SINGLE, " B ", "b"),
        (SINGLE, "a)", "a"),
        (SINGLE, "cc", "c"),
        (MULTIPLE, "c, a", ["a", "c"]),
        (MULTIPLE, "B", ["b"]),
        (NUMERIC, "9,98", 9.98),
        (NUMERIC, " 1e-2 ", 0.01),
    ],
)
def test_what_is_typed_is_read(question, typed, read):
    assert answers.read(question, typed) == read


@pytest.mark.parametrize(
    "question, typed, says",
    [
        (SINGLE, "ab", "'ab' is no answer; type one of a, b, c"),
        (SINGLE, "", "'' is no answer; type one of a, b, c"),
        (SINGLE, "d", "'d' is no answer; type one of a, b, c"),
        (MULTIPLE, "x", "'x' is no answer; type some of a, b, c"),
        (MULTIPLE, "a1", "'a1' is no answer; type some of a, b, c"),
        (NUMERIC, "ten", "'ten' is no number; type one such as 0.25 or 3e-4"),
        (NUMERIC, "", "'' is no number"),
    ],
)
def test_what_cannot_be_read_is_answered_in_a_sentence(question, typed, says):
    with pytest.raises(ValueError, match=says):
        answers.read(question, typed)
