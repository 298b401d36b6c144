"""Answers to the bank's questions: marked, explained, and remembered in ``work/answers.json``."""

from __future__ import annotations

import time
from typing import Any

from stabilitylab import workspace
from stabilitylab.questions.bank import MARKED, Question

VERSION = 1
WHEN = "%Y-%m-%d %H:%M"
ENOUGH = 3
"""The rubric score from which an answer in one's own words counts as right."""


def load() -> dict[str, list[dict[str, Any]]]:
    """Every attempt: question id -> attempts in order, each with ``given``, ``right`` and ``when``."""
    return workspace.load("answers", VERSION)


def keep(question: Question, given: Any) -> bool:
    """Remembers an attempt; returns whether it is right.

    Args:
        question: what was asked.
        given: a letter, a list of letters or a number; for a question that no program can mark, one's own score from 0 to 4.
    """
    right = question.is_right(given) if question.kind in MARKED else given >= ENOUGH
    made = {"given": given, "right": right, "when": time.strftime(WHEN)}
    kept = load()
    workspace.save("answers", VERSION, kept | {question.id: [*kept.get(question.id, ()), made]})
    return right


def feedback(question: Question, given: Any) -> list[str]:
    """One sentence on everything in an answer that deserves one, as plain text; the first says whether it is right."""
    if question.kind == "numeric":
        if question.is_right(given):
            return [f"Right. {question.explain}"]
        mistakes = [c.explain for c in question.choices if abs(float(c.text) - given) <= question.tolerance * abs(float(c.text))]
        return [f"No. {mistakes[0]}" if mistakes else "No, and it is not one of the usual mistakes either. Try again."]
    lettered = question.lettered()
    chosen = [f"{letter}) {lettered[letter].explain}" for letter in sorted(given)]
    if question.is_right(given):
        return ["Right.", *chosen]
    missed = sum(letter not in given for letter in question.answer)
    hint = (
        [f"{missed} more of the choices {'is' if missed == 1 else 'are'} right."]
        if question.kind == "multiple" and missed
        else []
    )
    return ["Not yet." if set(given) & set(question.answer) else "No.", *chosen, *hint]


def others(question: Question, given: Any) -> list[str]:
    """What there is to know about the choices that were not chosen, for when nothing is left to guess."""
    if question.kind == "numeric":
        return [] if question.is_right(given) else [f"It is {question.answer:g}. {question.explain}"]
    return [
        f"{letter}) {'Right: ' if letter in question.answer else ''}{choice.explain}"
        for letter, choice in question.lettered().items()
        if letter not in given
    ]


def read(question: Question, typed: str) -> Any:
    """What a person typed as an answer to a question that a program can mark: a letter, a list of letters, or a number.

    Raises:
        ValueError: if it is none, saying what would do.
    """
    if question.kind == "numeric":
        try:
            return float(typed.strip().replace(",", "."))
        except ValueError:
            raise ValueError(f"{typed!r} is no number; type one such as 0.25 or 3e-4") from None
    letters = sorted({letter for letter in typed.lower() if letter.isalnum()})
    known = question.lettered()
    if not letters or any(letter not in known for letter in letters) or (question.kind == "single" and len(letters) > 1):
        some = "one of" if question.kind == "single" else "some of"
        raise ValueError(f"{typed!r} is no answer; type {some} {', '.join(known)}")
    return letters[0] if question.kind == "single" else letters
