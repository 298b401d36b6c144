import re
from dataclasses import replace

import ipywidgets as widgets
import pytest

from stabilitylab import workspace
from stabilitylab.figures import plots
from stabilitylab.questions import answers, bank, quiz
from stabilitylab.questions.bank import Choice
from tests.questions.made_up import MULTIPLE, NUMERIC, SINGLE


@pytest.fixture
def shown(monkeypatch):
    seen = []

    def display(data, raw):
        assert raw
        seen.append(data)

    monkeypatch.setattr(quiz, "display", display)
    monkeypatch.setattr(bank, "load", lambda: {question.id: question for question in (SINGLE, MULTIPLE, NUMERIC)})
    return seen


def test_where_there_are_no_widgets_choices_unfold_to_their_reasons(shown):
    quiz.quiz("03")
    assert shown[0]["text/html"].split("<br>\n") == [
        "<p><strong>1.</strong> Which?</p>\n"
        "<details><summary>a) this</summary>Right. because</details>\n"
        "<details><summary>b) that</summary>No. it forgets</details>\n"
        "<details><summary>c) both</summary>No. it cannot</details>",
        "<p><strong>2.</strong> Which? <i>(more than one may be right)</i></p>\n"
        "<details><summary>a) this</summary>Right. because</details>\n"
        "<details><summary>b) that</summary>No. it forgets</details>\n"
        "<details><summary>c) both</summary>Right. it cannot</details>",
        "<p><strong>3.</strong> Which?</p>\n<details><summary>answer</summary>10. the root</details>",
    ]
    assert shown[0]["text/plain"] == "[A quiz of 3 questions.]"
    assert "application/vnd.jupyter.widget-view+json" in shown[0]


def test_the_questions_of_a_quiz_are_numbered_from_one(shown, monkeypatch):
    made = []

    class Noted(quiz._Card):
        def __init__(self, question, number):
            super().__init__(question, number)
            made.append((question.id, number))

    monkeypatch.setattr(quiz, "_Card", Noted)
    quiz.quiz("03")
    assert made == [("03-x", 1), ("03-m", 2), ("03-n", 3)]


def test_a_single_question_is_shown_by_its_id(shown):
    quiz.quiz("03-n")
    assert shown[0]["text/html"].startswith("<p><strong>1.</strong> Which?</p>")
    with pytest.raises(ValueError, match="name is '03-y'"):
        quiz.quiz("03-y")


def test_a_card_numbers_its_question_and_says_where_several_choices_may_be_right():
    texts = [quiz._Card(question, 7).widget.children[0].value for question in (SINGLE, MULTIPLE)]
    assert all("<strong>7.</strong> Which?" in text for text in texts)
    assert ["more than one may be right" in text for text in texts] == [False, True]


def test_a_question_of_several_paragraphs_gets_one_such_note():
    text = quiz._Card(replace(MULTIPLE, question="One.\n\nTwo."), 1).widget.children[0].value
    assert text.count("more than one may be right") == 1 and "One. <i>" in text


def test_every_kind_of_question_has_its_own_inputs():
    single, multiple, number = (quiz._Card(question, 1) for question in (SINGLE, MULTIPLE, NUMERIC))
    assert isinstance(single.inputs[0], widgets.RadioButtons) and single.inputs[0].value is None
    assert list(single.inputs[0].options) == ["a) this", "b) that", "c) both"] and len(single.inputs) == 1
    assert [box.description for box in multiple.inputs] == ["a) this", "b) that", "c) both"]
    assert not any(box.value or box.indent for box in multiple.inputs)
    assert isinstance(number.inputs[0], widgets.Text) and number.inputs[0].continuous_update and len(number.inputs) == 1
    for card in (single, multiple, number):
        assert list(card.widget.children)[1:] == [*card.inputs, card.button, card.said]
        assert card.button.disabled and card.given() is None and card.said.value == ""
        assert "stability-question" in card.widget._dom_classes


@pytest.mark.parametrize(
    "question, choose, given",
    [
        (SINGLE, lambda inputs: setattr(inputs[0], "value", "b) that"), "b"),
        (MULTIPLE, lambda inputs: [setattr(box, "value", True) for box in inputs[:2]], ["a", "b"]),
        (NUMERIC, lambda inputs: setattr(inputs[0], "value", "1e2"), 100.0),
    ],
)
def test_a_card_checks_only_what_can_be_checked_and_says_why(question, choose, given):
    card = quiz._Card(question, 1)
    assert card.button.disabled
    choose(card.inputs)
    assert card.given() == given and not card.button.disabled
    card.button.click()
    assert "it forgets" in card.said.value and plots.VERMILION in card.said.value and plots.GREEN not in card.said.value
    assert "<details>" not in card.said.value, "the other choices stay to be guessed"
    assert answers.load()[question.id][0]["given"] == given
    assert "not right" in quiz._Card(question, 1).said.value


def test_a_right_answer_is_green_and_the_other_choices_unfold():
    card = quiz._Card(SINGLE, 1)
    card.inputs[0].value = "a) this"
    card.button.click()
    said = card.said.value
    assert plots.GREEN in said and plots.VERMILION not in said and 'role="status"' in said
    assert re.search(
        r">Right\.<br>a\) because<details><summary>Why not the others</summary>b\) it forgets<br>c\) it cannot</details></div>$",
        said,
    )


def test_nothing_unfolds_where_no_other_choice_is_left():
    every = replace(MULTIPLE, answer=["a", "b", "c"])
    card = quiz._Card(every, 1)
    for box in card.inputs:
        box.value = True
    card.button.click()
    assert "Right." in card.said.value and "<details>" not in card.said.value


def test_what_is_unchosen_again_cannot_be_checked():
    card = quiz._Card(MULTIPLE, 1)
    card.inputs[2].value = True
    assert not card.button.disabled and card.given() == ["c"]
    card.inputs[2].value = False
    assert card.button.disabled and card.given() is None


def test_what_is_typed_that_is_no_number_cannot_be_checked():
    card = quiz._Card(NUMERIC, 1)
    card.inputs[0].value = "ten"
    assert card.button.disabled
    card.button.click()
    assert card.said.value == "" and answers.load() == {}
    card.inputs[0].value = "9,98"
    assert card.given() == 9.98 and not card.button.disabled


@pytest.mark.parametrize("right, said, color", [(True, "right", "GREEN"), (False, "not right", "VERMILION")])
def test_the_last_answer_is_shown_with_its_date(right, said, color):
    attempts = [{"given": "b", "right": not right, "when": f"2025-01-0{day} 09:00"} for day in (1, 2, 3)]
    attempts.append({"given": "a", "right": right, "when": "2025-02-03 10:30"})
    workspace.save("answers", answers.VERSION, {SINGLE.id: attempts})
    card = quiz._Card(SINGLE, 1)
    assert f">Your last answer was {said} (2025-02-03 10:30).</div>" in card.said.value
    assert getattr(plots, color) in card.said.value
    assert quiz._Card(MULTIPLE, 1).said.value == ""


def test_words_are_shown_as_they_are_written():
    odd = replace(SINGLE, choices=(Choice("a < b", "1 < 2 & so"), *SINGLE.choices[1:]))
    assert "<summary>a) a &lt; b</summary>Right. 1 &lt; 2 &amp; so</details>" in quiz._static(odd, 1)
    card = quiz._Card(odd, 1)
    assert card.inputs[0].options[0] == "a) a < b"
    card.inputs[0].value = "a) a < b"
    card.button.click()
    assert "1 &lt; 2 &amp; so" in card.said.value
