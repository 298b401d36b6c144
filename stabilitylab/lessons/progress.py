"""Where a learner stands, and what comes next: worked out from the files in ``work/``, in the terminal and in lesson 00."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stabilitylab import exercises, workspace
from stabilitylab.lessons import predictions
from stabilitylab.questions import answers, bank
from stabilitylab.questions.bank import MARKED

ENOUGH = 0.8
"""The share of a quiz from which a lesson counts as understood."""


@dataclass(frozen=True)
class Lesson:
    """Where a learner stands in one lesson.

    Attributes:
        name: such as ``"03_spikes_and_clipping"``.
        title: as its first line has it.
        assignment: that it leads to, such as ``"a1_clipping"``; empty for none.
        run: when its end was reached; empty if it was not.
        predicted: predictions committed.
        came_true: those that came true, of the ones that were looked at again.
        quiz: (questions whose last answer is right, questions).
    """

    name: str
    title: str
    assignment: str
    run: str
    predicted: int
    came_true: int
    quiz: tuple[int, int]

    @property
    def done(self) -> bool:
        """Whether it was run to its end, and its quiz answered well enough."""
        return bool(self.run) and self.quiz[0] >= ENOUGH * self.quiz[1]


def lessons() -> list[Lesson]:
    """Every lesson, in order."""
    committed, kept, ended = predictions.load(), answers.load(), predictions.ended()
    found = []
    for path in sorted((workspace.ROOT / "notebooks").glob("[0-9]*.py")):
        text, number = path.read_text(encoding="utf-8"), path.stem[:2]
        title = re.search(r"^# # \d\d · (.+)$", text, re.M)
        leads_to = re.search(r"^# \*\*Assignment:\*\*\s(?:# )?\[exercises/(\w+)/", text, re.M)
        own = [committed[key] for key in re.findall(r'predictions\.predict\(\s*"([^"]+)"', text) if key in committed]
        asked = [question for question in bank.load().values() if question.lesson == path.stem and question.kind in MARKED]
        right = sum(kept[question.id][-1]["right"] for question in asked if question.id in kept)
        found.append(
            Lesson(
                path.stem,
                title[1] if title else path.stem,
                leads_to[1] if leads_to else "",
                ended.get(number, ""),
                len(own),
                sum(made.get("outcome") == made["choice"] for made in own),
                (right, len(asked)),
            )
        )
    return found


def assignments() -> dict[str, tuple[int, int]]:
    """Assignment -> (questions whose visible checks all pass, questions that have visible checks)."""
    passed = exercises.passed()
    return {
        name: (sum(passed.get(f"{name}/{question}", False) for question in checked), len(checked))
        for name, checked in exercises.checked().items()
    }


def advice(standing: Sequence[Lesson], checks: dict[str, tuple[int, int]]) -> str:
    """What to do next, in a sentence: a lesson, its quiz, then its assignment, unless a later lesson leads to that too."""
    last = {lesson.assignment: lesson for lesson in standing}
    for lesson in standing:
        link = f"lesson {lesson.name[:2]}, {lesson.title}"
        if not lesson.run:
            return f"Work through {link}."
        if not lesson.done:
            return f"Answer the quiz of {link}: {lesson.quiz[0]} of {lesson.quiz[1]} are right so far."
        right, total = checks.get(lesson.assignment, (0, 0))
        if right < total and last[lesson.assignment] is lesson:
            return f"Do {lesson.assignment}: {right} of its {total} checked questions pass so far."
    return "Everything is done. `stabilitylab quiz` asks what is due, and lesson 11 has the interview."


def table() -> str:
    """Where a learner stands, as Markdown."""
    standing, checks = lessons(), assignments()
    lines = ["| lesson | run | predictions that came true | quiz | assignment, checks that pass |", "|---|---|---|---|---|"]
    for lesson in standing:
        came_true = f"{lesson.came_true} of {lesson.predicted}" if lesson.predicted else ""
        quiz = f"{lesson.quiz[0]} of {lesson.quiz[1]}" if lesson.quiz[1] else ""
        right, total = checks.get(lesson.assignment, (0, 0))
        done = f"{lesson.assignment}, {right} of {total}" if total else ""
        lines.append(f"| {lesson.name[:2]} {lesson.title} | {'yes' if lesson.run else ''} | {came_true} | {quiz} | {done} |")
    return "\n".join([*lines, "", f"**Next:** {advice(standing, checks)}"])


def show() -> None:
    """Shows the table in a notebook."""
    from IPython.display import Markdown, display

    display(Markdown(table()))
