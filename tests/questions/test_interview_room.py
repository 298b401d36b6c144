import time
from types import SimpleNamespace

import pytest

from stabilitylab.figures import plots
from stabilitylab.questions import bank, interview, interview_room
from stabilitylab.questions.interview import Room
from tests.questions.made_up import INTERVIEW


@pytest.fixture(autouse=True)
def at_nine(monkeypatch):
    """A small bank, a clock that stands still at 9:00, and interviews that do not depend on chance."""
    monkeypatch.setattr(bank, "load", lambda: INTERVIEW)
    nine = SimpleNamespace(time=lambda: 9 * 3600.0, localtime=time.gmtime, strftime=time.strftime)
    monkeypatch.setattr(interview_room, "time", nine)
    monkeypatch.setattr(interview_room, "Room", lambda minutes: Room(minutes, seed=1, clock=lambda: 0.0))


@pytest.fixture
def room():
    return interview_room.InterviewRoom()


def answer(room, said, score):
    room.said.value = said
    room.compare.click()
    room.score.value = score
    room.next.click()


def test_an_interview_begins_with_a_choice_of_its_length(monkeypatch):
    shown = []

    def display(data, raw):
        assert raw
        shown.append(data)

    monkeypatch.setattr(interview_room, "display", display)
    room = interview_room.enter()
    assert room.room is None and "application/vnd.jupyter.widget-view+json" in shown[0]
    assert shown[0]["text/plain"] == interview_room.STATIC_FALLBACK and "`stabilitylab interview`" in shown[0]["text/plain"]
    (row,) = room.widget.children
    assert list(row.children) == [room.length, room.begin] and "stability-interview" in room.widget._dom_classes
    assert list(room.length.options) == [("15 minutes", 15), ("30 minutes", 30), ("45 minutes", 45)] and room.length.value == 30


def test_a_question_says_where_one_stands_and_until_when(room):
    room.length.value = 15
    room.begin.click()
    first = room.room.question
    assert room.room.minutes == 15 and list(room.widget.children) == [room.asked, room.said, room.compare]
    assert f"<p>Question 1 of 3. You have until 09:15.</p><p>{first.question}</p>" in room.asked.value
    assert plots.BLUE in room.asked.value and 'role="status"' in room.asked.value and "submit" not in room.asked.value
    assert not room.compare.disabled and room.widget.layout.min_height == "600px"


def test_the_model_answer_comes_after_one_s_own_and_the_score_before_the_next_question(room):
    room.length.value = 15
    room.begin.click()
    assert room.model.value == ""
    room.compare.click()
    assert list(room.widget.children)[:4] == [room.asked, room.said, room.compare, room.model]
    assert list(room.widget.children)[5:] == [room.score, room.next] and "Your score" in room.widget.children[4].value
    assert "<strong>The popular answer.</strong> Popular." in room.model.value and plots.ORANGE in room.model.value
    assert list(room.score.options) == [("0: a", 0), ("1: b", 1), ("2: c", 2), ("3: d", 3), ("4: e", 4)]
    assert room.compare.disabled and room.score.value is None and room.next.disabled
    room.score.value = 0
    assert not room.next.disabled
    room.said.value = "  some words \n"
    room.next.click()
    assert "Question 2 of 3." in room.asked.value and room.said.value == room.model.value == ""
    assert not room.compare.disabled and list(room.widget.children) == [room.asked, room.said, room.compare]
    assert [(done.said, done.score) for done in room.room.rounds] == [("some words", 0)]


def test_pressing_next_twice_scores_one_question(room):
    room.begin.click()
    answer(room, "words", 4)
    room.next.click()
    assert len(room.room.rounds) == 1 and "Question 2 of 5." in room.asked.value and room.next.disabled
    room.compare.click()
    assert room.score.value is None and room.next.disabled


def test_a_mock_interview_in_the_notebook(room, capsys):
    room.begin.click()
    for number in range(4):
        assert f"Question {number + 1} of 5" in room.asked.value and "Popular." not in room.model.value
        answer(room, "words", 2)
    assert "Question 5 of 5" in room.asked.value and "<code>room.submit(your_function)</code>" in room.asked.value
    assert list(room.widget.children) == [room.asked], "the answer to a coding round is a function"
    room.submit(lambda parameters, max_norm: 0.0)
    said = room.asked.value
    assert "Debrief" in said and "<li>8 of 20 points on 5 of 5 questions.</li>" in said and plots.GREEN in said
    assert "checks pass" in said and "Popular." in said, "what the checks found, and the model answer"
    assert "checks pass" in capsys.readouterr().out
    note, row = room.widget.children
    assert note is room.asked and list(row.children) == [room.length, room.begin]
    assert interview.history()[0]["points"] == 8
    room.begin.click()
    assert "Question 1 of 5" in room.asked.value and "Debrief" not in room.asked.value and room.said.value == ""


def test_an_interview_without_a_coding_round_ends_with_the_debrief(room):
    room.length.value = 15
    room.begin.click()
    for _ in range(3):
        answer(room, "", 4)
    assert "<h3>Debrief</h3><ul>\n<li>12 of 12 points on 3 of 3 questions.</li>" in room.asked.value


def test_a_function_is_handed_in_during_a_coding_round_only(room):
    with pytest.raises(ValueError, match="no interview is under way; press Begin"):
        room.submit(max)
    room.begin.click()
    with pytest.raises(ValueError, match="the present question is not a coding round; answer it in words"):
        room.submit(max)
    assert room.room.rounds == []
