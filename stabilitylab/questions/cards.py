"""The question bank as an Anki package, made with ``genanki``. A card keeps its id for ever: importing a newer package updates
it."""

from __future__ import annotations

import html
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import genanki
import mistune

from stabilitylab import workspace
from stabilitylab.questions.bank import TOPICS, Question

DECK_ID, MODEL_ID = 1_763_801_001, 1_763_801_002  # never change: Anki knows the deck and the kind of note by them
_MODEL = genanki.Model(
    MODEL_ID,
    "Stability Lab",
    fields=[{"name": "Question"}, {"name": "Answer"}],
    templates=[{"name": "Card", "qfmt": "{{Question}}", "afmt": "{{FrontSide}}<hr id=answer>{{Answer}}"}],
    css=".card { font-family: sans-serif; font-size: 18px; text-align: left; max-width: 44em; margin: auto; }",
)


def write(path: Path, asked: Iterable[Question], when: float | None = None) -> int:
    """Writes an Anki package, whole or not at all; returns the number of cards.

    Args:
        path: of the package.
        asked: one card each.
        when: the time of change that the cards carry, in seconds since 1970, default now. Anki updates cards that are older.

    Raises:
        ValueError: if the file's name does not end in ``.apkg``, which Anki asks for.
    """
    if path.suffix != ".apkg":
        raise ValueError(f"FILE is {path}; Anki imports files that end in .apkg")
    deck = genanki.Deck(DECK_ID, "Stability Lab")
    for question in asked:
        tags = [f"lesson-{question.lesson[:2]}", question.topic]
        deck.add_note(
            genanki.Note(
                _MODEL, [_front(question), _back(question)], guid=genanki.guid_for("stabilitylab", question.id), tags=tags
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        made = os.path.join(folder, "cards.apkg")
        genanki.Package(deck).write_to_file(made, timestamp=when)
        workspace.write_atomically(path, Path(made).read_bytes())
    return len(deck.notes)


def _front(question: Question) -> str:
    choices = "".join(f"<li>{html.escape(choice.text)}</li>" for choice in question.choices if question.kind != "numeric")
    head = f"<small>{html.escape(TOPICS[question.topic])}</small>{_formatted(question.question)}"
    return head + (f'<ol type="a">{choices}</ol>' if choices else "")


def _back(question: Question) -> str:
    if asked := question.interview:
        probing = f"<p><i>The interviewer wants to find out: {html.escape(asked.probing)}</i></p>"
        popular = f"<p><b>Popular, and wrong or half right:</b> {html.escape(asked.popular)} {html.escape(asked.refuted_by)}</p>"
        return _formatted(asked.short) + _formatted(asked.full) + popular + probing
    if question.kind == "numeric":
        return f"<p><b>{question.answer:g}</b>. {html.escape(question.explain)}</p>"
    lines = [
        f"<li><b>{'right' if letter in question.answer else 'wrong'}</b>: {html.escape(choice.explain)}</li>"
        for letter, choice in question.lettered().items()
    ]
    return f'<ol type="a">{"".join(lines)}</ol>'


def _formatted(markdown: str) -> str:
    """Markdown as HTML, with formulas in the brackets that Anki's MathJax reads."""
    parts = markdown.split("$")
    if len(parts) % 2:
        markdown = "".join(part if at % 2 == 0 else f"\\\\({part}\\\\)" for at, part in enumerate(parts))
    return str(mistune.html(markdown))
