"""Spaced repetition over the bank: which question is due, worked out from the answers kept so far.

The memory model is FSRS (the ``fsrs`` package). Nothing is stored for it: replaying a question's attempts gives its due date.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fsrs import Card, Rating, Scheduler

from stabilitylab.questions import answers, bank
from stabilitylab.questions.bank import MARKED, Question

_SCHEDULER = Scheduler(enable_fuzzing=False)
_RATINGS = (Rating.Again, Rating.Again, Rating.Hard, Rating.Good, Rating.Easy)  # by one's own score, 0 to 4


def due(question: Question, attempts: Sequence[Mapping[str, Any]]) -> datetime | None:
    """When a question should be asked again; None if it was never answered."""
    card = Card(card_id=1)
    for attempt in attempts:
        if question.kind in MARKED:
            rating = Rating.Good if attempt["right"] else Rating.Again
        else:
            rating = _RATINGS[int(attempt["given"])]
        # the file holds local time, the scheduler wants UTC
        card, _ = _SCHEDULER.review_card(card, rating, datetime.strptime(attempt["when"], answers.WHEN).astimezone(UTC))
    return card.due if attempts else None


def queue(now: datetime | None = None, lesson: str = "", topic: str = "") -> list[Question]:
    """The questions to ask now: those that are due, the longest overdue first, then the new ones in the order of lessons.

    Args:
        now: default the present.
        lesson: only of this lesson, such as ``"03"``.
        topic: only of this topic.

    Raises:
        ValueError: if there is no question of that lesson and topic at all.
    """
    now = now or datetime.now(UTC)
    kept = answers.load()
    asked = [
        question
        for question in bank.load().values()
        if question.kind in MARKED and question.lesson.startswith(lesson) and topic in ("", question.topic)
    ]
    if not asked:
        raise ValueError(
            f"lesson is {lesson!r} and topic {topic!r}; no question is of both, the topics are {', '.join(bank.TOPICS)}"
        )
    dates = {question.id: due(question, kept.get(question.id, ())) for question in asked}
    waiting = [question for question in asked if (date := dates[question.id]) is not None and date <= now]
    return sorted(waiting, key=lambda question: dates[question.id] or now) + [q for q in asked if dates[q.id] is None]
