"""The bank of wrong and right answers: what the grader has been shown.

Each file under ``ASSIGNMENT/GRADE_ID/`` is one answer to one question: ``wrong_*.py`` holds one misconception, which its name
says in short and its docstring tells the learner; ``right_*.py`` is correct, written another way. The wrong answers do double
duty: a learner whose results equal those of one of them is told that sentence.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Answer:
    """One answer of the bank.

    Attributes:
        assignment: such as ``"a1_clipping"``.
        question: the grade_id.
        name: the file's name without its ending.
        right: whether it deserves full marks.
        sentence: for a wrong answer, what its author is told.
        source: its code.
    """

    assignment: str
    question: str
    name: str
    right: bool
    sentence: str
    source: str


@cache
def answers(assignment: str) -> tuple[Answer, ...]:
    """All answers to an assignment's questions, wrong ones first.

    Raises:
        ValueError: if a file is named neither ``wrong_`` nor ``right_``, or has no docstring.
    """
    found = []
    for path in sorted((FOLDER / assignment).glob("*/*.py"), key=lambda p: (p.parent.name, p.name.startswith("right_"), p.name)):
        if not path.name.startswith(("wrong_", "right_")):
            raise ValueError(f"{path} is named neither wrong_... nor right_...")
        source = path.read_text(encoding="utf-8")
        sentence = ast.get_docstring(ast.parse(source))
        if not sentence:
            raise ValueError(f"{path} has no docstring; it is the sentence a learner reads")
        found.append(
            Answer(assignment, path.parent.name, path.stem, path.name.startswith("right_"), " ".join(sentence.split()), source)
        )
    return tuple(found)


def assignments() -> tuple[str, ...]:
    """The assignments that have a bank."""
    return tuple(sorted(path.name for path in FOLDER.iterdir() if path.is_dir() and path.name != "__pycache__"))
