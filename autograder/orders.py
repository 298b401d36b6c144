"""The order in which a release gives the choices of its quiz questions.

Nothing about it is kept beside the release: which letter of ``solutions/`` a released letter stands for is found by comparing
the words of the two, so that there is no second file to lose, and none to leak.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from nbformat import NotebookNode

# a choice may be wrapped: its further lines are indented
_CHOICE = re.compile(r"^- \*\*([a-h])\*\* (.+(?:\n {2,}\S.*)*)$", re.M)
_TEXT = "_text"
"""What the name of the cell that asks a question adds to the question's own."""


def choices(notebook: NotebookNode) -> dict[str, list[str]]:
    """The choices of every quiz question of an assignment's notebook, in order: grade_id -> texts."""
    return {
        _name(cell).removesuffix(_TEXT): [" ".join(text.split()) for _, text in found]
        for cell in notebook.cells
        if cell.cell_type == "markdown" and _name(cell).endswith(_TEXT) and (found := _CHOICE.findall(cell.source))
    }


def drawn(source: NotebookNode, chance: random.Random) -> dict[str, str]:
    """A new order for every quiz question: grade_id -> letters of the source, in the order of the release."""
    letters = {grade_id: "abcdefgh"[: len(texts)] for grade_id, texts in choices(source).items()}
    return {grade_id: "".join(chance.sample(given, len(given))) for grade_id, given in letters.items()}


def of(source: NotebookNode, released: NotebookNode) -> dict[str, str]:
    """The order of a release: grade_id -> letters of the source, in the order released. The source's own where the words
    differ."""
    there = choices(released)
    found = {}
    for grade_id, texts in choices(source).items():
        given = there.get(grade_id, texts)
        same = sorted(given) == sorted(texts)
        found[grade_id] = "".join("abcdefgh"[texts.index(text)] for text in (given if same else texts))
    return found


def rearrange(source: NotebookNode, orders: Mapping[str, str]) -> None:
    """Puts the choices of a source notebook in another order, in place."""
    for cell in source.cells:
        order = orders.get(_name(cell).removesuffix(_TEXT)) if _name(cell).endswith(_TEXT) else None
        if order:
            head, *rest = _CHOICE.split(cell.source)
            # what follows each choice stays where it is: letter, text, what follows, letter, text, ...
            letters, texts, after = rest[0::3], rest[1::3], rest[2::3]
            moved = dict(zip(letters, texts))
            new = [f"- **{letter}** {moved[old]}{then}" for letter, old, then in zip(letters, order, after)]
            cell.source = head + "".join(new)


def _name(cell: NotebookNode) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", "")
