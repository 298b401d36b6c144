"""From what a submission answered to marks and sentences. Nothing of a learner's runs here."""

from __future__ import annotations

import importlib
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.asking import STOPPED, Collected
from autograder.expected import Expected
from autograder.keys import QuizKey
from autograder.sandbox.host import LEFT_OUT, Code
from stabilitylab import exercises
from stabilitylab.exercises import Question
from stabilitylab.exercises.marking import BUILT_IN


@dataclass(frozen=True)
class Mark:
    """How one question went: the share of its points, and what to tell the learner."""

    share: float
    feedback: tuple[str, ...]


def keys(assignment: str) -> Mapping[str, QuizKey]:
    """The keys of an assignment's quiz questions, by grade_id."""
    return importlib.import_module(f"autograder.keys.{assignment}").QUIZ


def judge(
    collected: Collected, cells: Sequence[Code], expected: Expected, order: Mapping[str, str] | None = None
) -> dict[str, Mark]:
    """Marks every question of a submission: grade_id -> mark. Of the first question that lost points, the first sentence is on
    the first cell that raised, if one did.

    Args:
        collected: what the submission answered.
        cells: what was run of it.
        expected: what is right.
        order: quiz question -> the letters of the source in the order the learner saw them, default the source's.
    """
    answers_of_quiz = keys(expected.assignment)
    marks = {}
    for grade_id, question in exercises.questions(expected.assignment).items():
        answers = collected.answers[grade_id]
        if question.options:
            (answer,) = answers.values()
            marks[grade_id] = _mark_choice(
                question, answers_of_quiz[grade_id], answer.get("value"), (order or {}).get(grade_id, "abcd")
            )
        elif all(exercises.agree(answers[p.name], expected.right[grade_id][p.name], p) for p in question.probes):
            marks[grade_id] = Mark(1.0, ())
        else:
            share, sentences = exercises.mark(question, answers, expected.of(grade_id, answers))
            marks[grade_id] = Mark(share, tuple(sentences))
    raised = first_error(collected, cells)
    lost = next((grade_id for grade_id, mark in marks.items() if mark.share < 1), None)
    if raised and lost:
        marks[lost] = replace(marks[lost], feedback=(raised, *marks[lost].feedback))
    return marks


def first_error(collected: Collected, cells: Sequence[Code]) -> str:
    """A sentence on the first of a learner's cells that did not run to its end; empty if all did."""
    for at, outcome in sorted(collected.outcomes.items()):
        if outcome.error is None or cells[at].position is None:
            continue
        begins = textwrap.shorten(cells[at].source.strip().partition("\n")[0], 50, placeholder=" ...")
        cell = f"Cell {cells[at].position} of your notebook, which begins with `{begins}`,"
        if outcome.error == STOPPED:
            return f"{cell} ended the whole process: {outcome.message}."
        line = f" in line {outcome.line}" if outcome.line else ""
        if outcome.error == LEFT_OUT:
            return f"{cell} was left out: {outcome.message}."
        if outcome.error == "TookTooLong":
            return f"{cell} did not come to its end{line}: {outcome.message}."
        raised = outcome.error if outcome.error in BUILT_IN else "an exception of its own"
        message = textwrap.shorten(outcome.message, 150, placeholder=" ...")
        return f"{cell} raised {raised}{line}{f', which says: {message}' if message else '.'}"
    return ""


def choices(collected: Collected, cells: Sequence[Code]) -> list[str]:
    """A sentence for each name that a submission defines several times."""
    return [
        f"{target} is defined in several cells; the one in cell {cells[at].position} counts."
        for target, at in collected.chosen.items()
    ]


def _mark_choice(question: Question, key: QuizKey, answer: Any, order: str) -> Mark:
    """A quiz answer's share of the points: where several choices are right, those chosen rightly less those chosen wrongly."""
    if not exercises.is_answer(question, answer):
        return Mark(0.0, (exercises.asks_for(question),))
    chosen, right = {order[question.options.index(letter)] for letter in answer}, set(key.right)
    wrong = tuple(key.wrong[letter] for letter in sorted(chosen - right))
    missed = len(right - chosen)
    hint = (f"{missed} more of the choices {'is' if missed == 1 else 'are'} right.",) if question.several and missed else ()
    return Mark(max(0.0, (len(chosen & right) - len(wrong)) / len(right)), wrong + hint)
