"""A mock interview: questions drawn by weakness, answered first, then compared with a model answer and scored by its rubric.

``Room`` is the interview itself, without a face: the terminal (``stabilitylab interview``) and lesson 11 put the same one in
front of a person.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stabilitylab import exercises, workspace
from stabilitylab.questions import answers, bank
from stabilitylab.questions.bank import TOPICS, Interview, Question

VERSION = 1
LENGTHS = {15: (3, 0), 30: (4, 1), 45: (7, 1)}
"""Minutes -> how many questions to talk about, and how many coding rounds."""
MINUTES = {"free": 5, "code": 10}
HIGHEST = 4


@dataclass(frozen=True)
class Round:
    """One question as it went.

    Attributes:
        question: what was asked.
        said: what was answered.
        score: one's own by the rubric, 0 to 4; of a coding round 4 if its checks pass, else 0.
        seconds: that it took.
    """

    question: Question
    said: str
    score: int
    seconds: float


def weakness(question: Question, kept: Mapping[str, Sequence[Mapping[str, Any]]]) -> float:
    """How much a question deserves to be asked, from 0 (answered perfectly) to 1: its own last score, or the record of its
    topic's quizzes."""
    if attempts := kept.get(question.id):
        return 1.0 - min(1.0, float(attempts[-1]["given"]) / HIGHEST)
    related = [kept[q.id][-1]["right"] for q in bank.load().values() if q.topic == question.topic and q.id in kept]
    return 1.0 - 0.5 * sum(related) / len(related) if related else 0.9


def draw(minutes: int, seed: int | None = None) -> list[Question]:
    """The questions of an interview, the weakest topics first to be drawn, no topic twice while others are left, coding rounds
    last.

    Args:
        minutes: 15, 30 or 45.
        seed: None for another interview every time.

    Raises:
        ValueError: if there is no interview of that length.
    """
    if minutes not in LENGTHS:
        raise ValueError(f"minutes is {minutes}; choose {', '.join(map(str, LENGTHS))}")
    chance, kept = random.Random(seed), answers.load()
    drawn: list[Question] = []
    for kind, count in zip(("free", "code"), LENGTHS[minutes]):
        # a little chance, so that two interviews in a row differ even where nothing was answered yet
        by_weakness = sorted(
            (q for q in bank.load().values() if q.kind == kind),
            key=lambda q: weakness(q, kept) + chance.uniform(0, 0.3),
            reverse=True,
        )
        for _ in range(count):
            topics = {question.topic for question in drawn}
            left = [question for question in by_weakness if question not in drawn]
            drawn += [question for question in left if question.topic not in topics][:1] or left[:1]
    return drawn


class Room:
    """An interview under way.

    Args:
        minutes: 15, 30 or 45.
        seed: None for another interview every time.
        clock: seconds that pass.

    Raises:
        ValueError: if there is no interview of that length.
    """

    def __init__(self, minutes: int, seed: int | None = None, clock: Callable[[], float] = time.monotonic):
        self.minutes = minutes
        self.asked = draw(minutes, seed)
        self.rounds: list[Round] = []
        self._clock = clock
        self._begun = self._turned = clock()

    @property
    def question(self) -> Question | None:
        """What is asked now; None when the interview is over."""
        return self.asked[len(self.rounds)] if len(self.rounds) < len(self.asked) else None

    @property
    def left(self) -> float:
        """Seconds left of the whole interview; negative when it runs over."""
        return 60.0 * self.minutes - (self._clock() - self._begun)

    def score(self, said: str, score: int) -> Round:
        """Ends the present question with what was said and one's own score, remembers both, and goes on.

        Raises:
            ValueError: if the score is not one of 0 to 4, or the interview is over.
        """
        if self.question is None:
            raise ValueError("the interview is over; start another one")
        if score not in range(HIGHEST + 1):
            raise ValueError(f"score is {score!r}; the rubric has 0 to {HIGHEST}")
        now = self._clock()
        done = Round(self.question, said, score, now - self._turned)
        self._turned = now
        answers.keep(done.question, score)
        self.rounds.append(done)
        if self.question is None:
            _remember(self)
        return done

    def submit(self, learner: Any) -> str:
        """Ends a coding round with a learner's function: 4 if its visible checks pass, else 0.

        Returns:
            What the checks found.

        Raises:
            ValueError: if the present question is not a coding round.
        """
        if self.question is None or self.question.kind != "code":
            raise ValueError("the present question is not a coding round; answer it in words")
        try:
            exercises.check(self.question.answer, learner)
            found = "Every check passes."
        except exercises.CheckFailed as failed:
            found = str(failed)
        self.score(found, HIGHEST if found == "Every check passes." else 0)
        return found

    def debrief(self) -> list[str]:
        """What came of it, in sentences: the score, where it was weak, and what to read again."""
        if not self.rounds:
            return ["Nothing was answered."]
        total = sum(done.score for done in self.rounds)
        said = [f"{total} of {HIGHEST * len(self.rounds)} points on {len(self.rounds)} of {len(self.asked)} questions."]
        if (over := round(-self.left / 60)) > 0:
            said.append(f"You ran {over} minute{'' if over == 1 else 's'} over.")
        slow = [done for done in self.rounds if done.seconds > 1.5 * 60 * MINUTES[done.question.kind]]
        if slow:
            said.append(
                f"Too long: {', '.join(TOPICS[done.question.topic] for done in slow)}. Say the answer first, then the reasons."
            )
        for done in sorted(self.rounds, key=lambda done: done.score):
            if done.score < answers.ENOUGH:
                read = f"lesson {done.question.lesson[:2]}"
                ran = f" and run `stabilitylab check {done.question.experiments[0]}`" if done.question.experiments else ""
                said.append(f"{TOPICS[done.question.topic]}: {done.score} of {HIGHEST}. Read {read} again{ran}.")
        past = history()[:-1] if self.question is None else history()
        if past:
            last = past[-1]
            said.append(f"The interview before, on {last['when']}: {last['points']} of {last['of']} points.")
        return said


def model_answer(asked: Interview) -> str:
    """A model answer, with what the interviewer is after, the popular answer and the next questions, as Markdown."""
    follow_ups = "\n".join(f"- {question}" for question in asked.follow_ups)
    return (
        f"**In three sentences.** {asked.short}\n\n{asked.full}\n\n**The popular answer.** {asked.popular} **The run.** "
        f"{asked.refuted_by}\n\n**Behind the question.** {asked.probing}\n\n**Next they ask**\n\n{follow_ups}"
    )


def history() -> list[dict[str, Any]]:
    """Every finished interview, the oldest first: ``when``, ``minutes``, ``points``, ``of`` and ``rounds``."""
    return workspace.load("interviews", VERSION).get("finished", [])


def _remember(room: Room) -> None:
    rounds = [
        {"question": done.question.id, "said": done.said, "score": done.score, "seconds": round(done.seconds)}
        for done in room.rounds
    ]
    made = {
        "when": time.strftime(answers.WHEN),
        "minutes": room.minutes,
        "points": sum(done.score for done in room.rounds),
        "of": HIGHEST * len(room.rounds),
        "rounds": rounds,
    }
    workspace.save("interviews", VERSION, {"finished": [*history(), made]})
