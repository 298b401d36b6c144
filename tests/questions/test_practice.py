import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stabilitylab import workspace
from stabilitylab.questions import answers, bank, practice
from tests.questions.made_up import FREE, MULTIPLE, NUMERIC, SINGLE

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)


def attempt(given, ago=timedelta(0), right=False):
    """An answer as the file holds it, in local time."""
    return {"given": given, "right": right, "when": (NOW - ago).astimezone().strftime(answers.WHEN)}


def right(ago=timedelta(0)):
    return attempt("a", ago, True)


def wrong(ago=timedelta(0)):
    return attempt("b", ago)


@pytest.mark.parametrize("question", [SINGLE, MULTIPLE, NUMERIC])
def test_a_question_comes_back_later_the_better_it_is_known(question):
    assert practice.due(question, []) is None
    assert practice.due(question, [wrong()]) == NOW + timedelta(minutes=1)
    assert practice.due(question, [right()]) == NOW + timedelta(minutes=10)
    known = [right(timedelta(days=days)) for days in (9, 6, 3, 0)]
    assert practice.due(question, known) > NOW + timedelta(days=30)
    assert practice.due(question, [*known[:3], wrong()]) < NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "score, wait",
    [(0, timedelta(minutes=1)), (1, timedelta(minutes=1)), (2, timedelta(minutes=5, seconds=30)), (3, timedelta(minutes=10))],
)
def test_one_s_own_score_decides_when_an_answer_in_words_comes_back(score, wait):
    assert practice.due(FREE, [attempt(score, right=score >= 3)]) == NOW + wait


def test_a_perfect_score_is_asked_again_in_a_week_or_so():
    assert timedelta(days=5) < practice.due(FREE, [attempt(4, right=True)]) - NOW < timedelta(days=14)


def test_the_same_answers_give_the_same_date_every_time():
    known = [right(timedelta(days=days)) for days in (19, 6, 3, 0)]
    assert len({practice.due(SINGLE, known) for _ in range(20)}) == 1


@pytest.fixture
def in_tokyo(monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def test_answers_are_kept_in_local_time_and_dates_are_true_elsewhere_too(in_tokyo):
    given = {"given": "b", "right": False, "when": "2026-03-20 21:00"}
    assert practice.due(SINGLE, [given]) == datetime(2026, 3, 20, 12, 1, tzinfo=UTC)


BANK = [
    replace(SINGLE, id="01-a", lesson="01_a", topic="adam"),
    replace(NUMERIC, id="01-b", lesson="01_a", topic="clipping"),
    replace(FREE, id="01-talk", lesson="01_a", topic="adam"),
    replace(MULTIPLE, id="03-c", topic="adam"),
    replace(SINGLE, id="03-d", topic="plateau"),
    replace(SINGLE, id="03-e", topic="clipping"),
]


@pytest.fixture
def small_bank(monkeypatch):
    monkeypatch.setattr(bank, "load", lambda: {question.id: question for question in BANK})


def remember(**kept):
    workspace.save("answers", answers.VERSION, {id.replace("_", "-"): attempts for id, attempts in kept.items()})


def queue(**chosen):
    return [question.id for question in practice.queue(NOW, **chosen)]


def test_what_is_new_is_asked_in_the_order_of_lessons(small_bank):
    assert queue() == ["01-a", "01-b", "03-c", "03-d", "03-e"], "01-talk is for interviews"


def test_what_is_due_comes_first_the_longest_overdue_before_the_rest_and_what_is_known_not_at_all(small_bank):
    remember(
        **{
            "01-b": [wrong(timedelta(hours=1))],
            "03-c": [right(timedelta(days=2))],
            "03-e": [wrong(timedelta(days=1))],
            "03-d": [right(timedelta(minutes=5))],
        }
    )
    assert queue() == ["03-c", "03-e", "01-b", "01-a"]


def test_a_question_is_due_from_its_minute_on(small_bank):
    remember(**{question.id: [wrong(timedelta(minutes=minutes))] for minutes, question in enumerate(BANK)})
    assert queue() == ["03-e", "03-d", "03-c", "01-b"], "01-a was missed this very minute"


def test_one_lesson_or_one_topic_may_be_asked_for(small_bank):
    assert queue(lesson="03") == ["03-c", "03-d", "03-e"] and queue(topic="adam") == ["01-a", "03-c"]
    assert queue(lesson="01", topic="clipping") == ["01-b"]
    remember(**{"01-a": [right()]})
    assert queue(lesson="01", topic="adam") == [], "there is one, and it is not due"


@pytest.mark.parametrize("chosen", [{"topic": "weather"}, {"lesson": "09"}, {"lesson": "01", "topic": "plateau"}])
def test_a_lesson_and_topic_without_a_question_are_refused(small_bank, chosen):
    lesson, topic = chosen.get("lesson", ""), chosen.get("topic", "")
    says = f"lesson is '{lesson}' and topic '{topic}'; no question is of both, the topics are clipping-after-nan, why-warmup,"
    with pytest.raises(ValueError, match=says):
        practice.queue(NOW, **chosen)


def test_the_present_counts_unless_told(small_bank):
    long_ago, ahead = datetime.now(UTC) - timedelta(days=2), datetime.now(UTC) + timedelta(days=2)
    for question, when in ((BANK[3], long_ago), (BANK[4], ahead)):
        made = {"given": "b", "right": False, "when": when.astimezone().strftime(answers.WHEN)}
        workspace.save("answers", answers.VERSION, answers.load() | {question.id: [made]})
    assert [question.id for question in practice.queue()] == ["03-c", "01-a", "01-b", "03-e"]
