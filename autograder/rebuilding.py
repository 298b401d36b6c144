"""A submission rebuilt on the release notebook.

People split cells, copy them, delete them and type them anew, turn code into text, and lose all metadata on the way through
another program. The learner's code is run in the order it was handed in; what stands where is worked out here: a cell is known by
its grade_id, else by its text, else by what it defines. A text in one's own words that lost its cell goes to a person.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import nbformat
from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode
from nbgrader import utils

from autograder.sandbox.host import Code
from autograder.submissions import Cell

DEMO_TAG = "demo"
"""Cells of the release with this tag show something (a plot, a training run) and define nothing: as released, they are not
run."""


@dataclass(frozen=True)
class Rebuilt:
    """A submission, ready to be run and to be shown.

    Attributes:
        notebook: the release notebook with the learner's answers, and the learner's other cells where they stood.
        code: what is run of it: what the release defines, then the learner's cells in the order they were handed in.
        notes: what was done that its author may not expect, in sentences.
    """

    notebook: NotebookNode
    code: list[Code]
    notes: list[str]


def is_test(cell: NotebookNode) -> bool:
    """Whether a cell of a release notebook is a test, which the grader's mark replaces."""
    return cell.cell_type == "code" and utils.is_grade(cell) and not utils.is_solution(cell)


def rebuild(release: NotebookNode, submitted: list[Cell]) -> Rebuilt:
    """The release notebook with a learner's answers in it, and what of the submission is to be run."""
    rebuilding = _Rebuilding(release, submitted)
    rebuilding.find_answers_by_what_they_define()
    rebuilding.find_words()
    return Rebuilt(rebuilding.notebook(), list(rebuilding.code()), rebuilding.notes)


class _Rebuilding:
    def __init__(self, release: NotebookNode, submitted: list[Cell]):
        self.release, self.notes = release, list[str]()
        self.places = {grade_id(cell): place for place, cell in enumerate(release.cells) if grade_id(cell)}
        self.wanted = {  # the place of a cell to be answered in code -> the names that its answer defines
            place: defined(cell.source)
            for place, cell in enumerate(release.cells)
            if cell.cell_type == "code" and utils.is_solution(cell)
        }
        self.words = [
            place for place, cell in enumerate(release.cells) if cell.cell_type == "markdown" and utils.is_solution(cell)
        ]
        self.targets = {name for names in self.wanted.values() for name in names}
        self.answers: dict[int, list[Cell]] = {}  # place -> what was handed in there
        self.extras: dict[int, list[Cell]] = {}  # place, -1 for the top -> the learner's other cells after it
        self.run: list[Cell] = []
        self._sort(submitted)

    def _sort(self, submitted: list[Cell]) -> None:
        """Who is who, by grade_id and by text."""
        texts: dict[str, int] = {}
        for place, cell in enumerate(self.release.cells):
            texts.setdefault(cell.source.strip(), place)
        in_code = {name for cell in submitted if cell.kind == "code" for name in defined(cell.source)}
        last = -1
        for cell in submitted:
            known = self.places.get(cell.grade_id or "")
            found = known if known is not None else texts.get(cell.source.strip())
            if found is not None:
                last = place = found
                ours = self.release.cells[place]
                if cell.source.strip() == ours.source.strip():
                    continue  # as it was released
                if place in self.wanted or place in self.words:
                    if not any(cell.source.strip() == before.source.strip() for before in self.answers.get(place, ())):
                        self.answers.setdefault(place, []).append(cell)
                        if place in self.wanted:
                            self.run.append(cell)
                    continue
            # code that was turned into text still defines what nothing else does
            if cell.kind == "code" or (defined(cell.source) & self.targets) - in_code:
                self.run.append(cell)
            self.extras.setdefault(last, []).append(cell)

    def find_answers_by_what_they_define(self) -> None:
        """An answer whose cell was deleted, copied or has lost its name is the last cell that defines what was asked for."""
        for place, names in self.wanted.items():
            if place in self.answers:
                continue
            found = [
                (after, cell)
                for after, cells in self.extras.items()
                for cell in cells
                if cell in self.run and defined(cell.source) & names
            ]
            if found:
                after, cell = max(found, key=lambda one: one[1].position)
                self.extras[after].remove(cell)
                self.answers[place] = [cell]
                if self.release.cells[place].source.strip() and cell.grade_id != grade_id(self.release.cells[place]):
                    self.notes.append(f"{', '.join(sorted(names))} was found in cell {cell.position}, by what that cell defines.")

    def find_words(self) -> None:
        """Where a text in one's own words is missing, the learner's texts stand in: from its own place, or from anywhere."""
        missing = [place for place in self.words if place not in self.answers]
        if not missing:
            return
        for after in sorted(self.extras):
            for cell in [cell for cell in self.extras[after] if (cell.source.strip() and cell not in self.run) or is_prose(cell)]:
                self.extras[after].remove(cell)
                self.run = [other for other in self.run if other is not cell]
                place = next((place for place in missing if place >= after), missing[-1])
                self.answers.setdefault(place, []).append(cell)
        for place in missing:
            if place in self.answers:
                cells = ", ".join(str(cell.position) for cell in self.answers[place])
                self.notes.append(f"{grade_id(self.release.cells[place])} was empty; it shows what stands in cell {cells}.")

    def code(self) -> Iterator[Code]:
        """What is run: of the release what defines something, then all that was handed in."""
        for cell in self.release.cells:
            if cell.cell_type == "code" and not is_test(cell) and DEMO_TAG not in cell.metadata.get("tags", []):
                yield Code(cell.source)
        answering = {cell.position for place in self.wanted for cell in self.answers.get(place, ())}
        for cell in self.run:
            needed = cell.position in answering or bool(defined(cell.source) & self.targets)
            yield Code(cell.source, needed, cell.position)

    def notebook(self) -> NotebookNode:
        """The release with all of the learner's cells in it."""
        rebuilt = copy.deepcopy(self.release)
        together = [_new(cell) for cell in self.extras.get(-1, ())]
        for place, ready in enumerate(rebuilt.cells):
            answers = self.answers.get(place, [])
            if answers and place in self.words:
                ready.source = "\n\n".join(_text(cell) for cell in answers)
            elif answers:
                ready.source = answers[0].source
            together.append(ready)
            if place in self.wanted:
                together.extend(_new(cell) for cell in answers[1:])
            together.extend(_new(cell) for cell in self.extras.get(place, ()))
        for number, ready in enumerate(together):
            ready["id"] = f"cell-{number:03d}"
        rebuilt.cells = together
        return rebuilt


@lru_cache(maxsize=2048)  # asked many times of each cell, and most cells are the same in every student's notebook
def defined(source: str) -> frozenset[str]:
    """The names that a cell defines at its top level; none if it is no Python."""
    first, _, rest = source.lstrip().partition("\n")
    try:
        tree = ast.parse(TransformerManager().transform_cell(rest if first.startswith("%%") else source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(name for statement in tree.body for name in _names(statement))


def _names(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Name(id=name, ctx=ast.Store()):
            yield name
        case ast.alias(name=name, asname=other):
            yield other or name.partition(".")[0]
        case ast.Lambda() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            return
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _names(child)


def is_prose(cell: Cell) -> bool:
    """Whether a code cell holds words: it is no Python, and no line of it looks like any."""
    if cell.kind != "code" or not cell.source.strip():
        return False
    try:
        ast.parse(TransformerManager().transform_cell(cell.source))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        words = cell.source.split()
        return len(words) > 5 and sum(word.strip(".,;:!?()'\"-").isalpha() for word in words) > 0.8 * len(words)
    return False


def grade_id(cell: NotebookNode) -> str | None:
    """nbgrader's name of a cell, None if it has none."""
    return cell.metadata.get("nbgrader", {}).get("grade_id")


def _new(cell: Cell) -> NotebookNode:
    return nbformat.v4.new_code_cell(cell.source) if cell.kind == "code" else nbformat.v4.new_markdown_cell(_text(cell))


def _text(cell: Cell) -> str:
    """A cell's text for a page: an attachment that is not there would stop the page from being made."""
    return cell.source.replace("attachment:", "attachment ")
