"""Right answers stay right, whatever a learner does to the notebook and whichever library their numbers come from.

Every notebook here is made of right answers to all questions of an assignment, drawn from the bank, each in a cell that was
treated in one way of many: split, copied, retyped, turned into text, moved. It goes all the way, from cells to marks, and must
get every point that a machine gives. The fast tests draw some notebooks; the slow ones treat every answer in a dozen ways.
"""

import ast
import builtins
import itertools
import random
import symtable
import textwrap

import nbformat
import pytest

from autograder import bank, judge, release
from autograder.asking import collect
from autograder.expected import REFERENCES, Expected
from autograder.rebuilding import DEMO_TAG, defined, rebuild
from autograder.sandbox.limits import PATIENT
from autograder.submissions import cells_of
from stabilitylab import exercises, workspace

WAYS = {"a4_detect_and_recover": 4, "a6_capstone": 4}
"""In how many ways each right answer is treated, default a dozen. A notebook of these takes seconds to judge, because its
questions train; all ways are met, over several answers."""

# what people do to the cell of an answer: from (cells, where the answer is, its stub, a random generator), in place


def as_it_is(cells, at, stub, rng):
    pass


def split(cells, at, stub, rng):
    """Into one cell for each statement, all of which keep the metadata, as in JupyterLab."""
    source = cells[at]["source"]
    lines, starts = source.splitlines(), [0]
    for statement in ast.parse(source).body[1:]:
        first = min([statement.lineno, *(d.lineno for d in getattr(statement, "decorator_list", []))])
        starts.append(first - 1)
    parts = ["\n".join(lines[start:end]) for start, end in zip(starts, [*starts[1:], len(lines)])]
    cells[at : at + 1] = [cells[at] | {"source": part} for part in parts]


def split_and_nameless(cells, at, stub, rng):
    """As another program splits: the first part alone keeps its name."""
    before = len(cells)
    split(cells, at, stub, rng)
    for cell in cells[at + 1 : at + 1 + len(cells) - before]:
        cell["metadata"] = {}


def copied(cells, at, stub, rng):
    """The answer is in the copy, the stub is still there."""
    cells.insert(at, cells[at] | {"source": stub})


def copied_above(cells, at, stub, rng):
    cells.insert(at + 1, cells[at] | {"source": stub})


def answered_twice(cells, at, stub, rng):
    cells.insert(at, dict(cells[at]))


def retyped(cells, at, stub, rng):
    cells[at]["metadata"] = {}


def retyped_beside_the_stub(cells, at, stub, rng):
    cells.insert(at + rng.randrange(2), cells[at] | {"source": stub})
    retyped(cells, at, stub, rng)
    next(cell for cell in cells[at : at + 2] if cell["source"] != stub)["metadata"] = {}


def raw(cells, at, stub, rng):
    cells[at]["cell_type"] = "raw"


def markdown(cells, at, stub, rng):
    cells[at]["cell_type"] = "markdown"
    cells[at]["metadata"] = {}


def timed(cells, at, stub, rng):
    cells[at]["source"] = "%%time\n" + cells[at]["source"]


def captured(cells, at, stub, rng):
    cells[at]["source"] = "%%capture printed\n" + cells[at]["source"]


def with_magics(cells, at, stub, rng):
    cells[at]["source"] = "%matplotlib inline\n%load_ext autoreload\n" + cells[at]["source"] + "\n!ls\ndisplay(1)"


def shown_and_checked(cells, at, stub, rng):
    (name,) = defined(stub)
    cells[at]["source"] += f"\n\nawait __import__('asyncio').sleep(0)\nprint({name})\ncheck('a1_clipping/quiz_nan', 'a')"


def scratch_around(cells, at, stub, rng):
    """Notes and attempts of one's own, some of which fail."""
    cells.insert(at + 1, code("undefined_name + 1"))
    cells.insert(at, code("1 / 0"))
    cells.insert(at, {"cell_type": "markdown", "source": "Let me think.", "metadata": {}})
    cells.insert(at, code("x = 3\nprint(x)"))


def in_the_setup_cell(cells, at, stub, rng):
    setup = next(cell for cell in cells if cell["cell_type"] == "code")
    setup |= {"source": setup["source"] + "\n\n" + cells[at]["source"], "released": False}
    cells[at]["source"] = stub


def in_the_test_cell(cells, at, stub, rng):
    following = next(cell for cell in cells[at + 1 :] if cell["cell_type"] == "code" and cell["source"].startswith("check("))
    following |= {"source": cells[at]["source"] + "\n\n" + following["source"], "released": False}
    cells[at]["source"] = stub


def at_the_top(cells, at, stub, rng):
    cells.insert(0, cells.pop(at))


def at_the_end(cells, at, stub, rng):
    cells.append(cells.pop(at))


def an_older_try_above(cells, at, stub, rng):
    (name,) = defined(stub)
    cells.insert(at, code(f"def {name}(*args, **kwargs):\n    return None"))


def a_worse_try_below(cells, at, stub, rng):
    (name,) = defined(stub)
    cells.append(code(f"def {name}(*args, **kwargs):\n    raise ValueError"))


def in_a_branch(cells, at, stub, rng):
    cells[at]["source"] = "if True:\n" + textwrap.indent(cells[at]["source"], "    ")


def typed_on_windows(cells, at, stub, rng):
    cells[at]["source"] = "# wörk\r\n" + cells[at]["source"].replace("\n", "\r\n")


def with_late_annotations(cells, at, stub, rng):
    cells[at]["source"] = "from __future__ import annotations\n" + cells[at]["source"]


def in_a_file(cells, at, stub, rng):
    """Written by one cell and imported by the next, where it needs nothing of the notebook."""
    source = cells[at]["source"]
    if needs(source):
        return
    (name,) = defined(stub)
    cells.insert(at, code(f"%%writefile mine_{name}.py\n{source}"))
    cells[at + 1]["source"] = f"from mine_{name} import {name}"


TO_CELLS = [value for name, value in list(globals().items()) if callable(value) and getattr(value, "__module__", "") == __name__]


def nothing(cells):
    pass


def all_metadata_lost(cells):
    for cell in cells:
        cell["metadata"] = {}


def demonstrations_edited(cells):
    for cell in cells:
        if DEMO_TAG in cell["metadata"].get("tags", []):
            cell["source"] = "seed = 3\nundefined_name"


def everything_but_answers_deleted(cells):
    keep = [cell for cell in cells if not cell.get("released")]
    cells[:] = keep


TO_NOTEBOOKS = (nothing, all_metadata_lost, demonstrations_edited, everything_but_answers_deleted)

# numbers: what stands below an answer so that its numbers come from another library

NUMBERS = {
    "float64": "numpy.float64(n) if isinstance(n, float) else numpy.int64(n)",
    "float32": "numpy.float32(n) if isinstance(n, float) else numpy.int32(n)",
    "an array": "numpy.array(n)",
    "an array of one": "numpy.array([n])",
    "a tensor": "torch.tensor(n, dtype=torch.float64 if isinstance(n, float) else None)",
    "a tensor of one": "torch.tensor([n], dtype=torch.float64 if isinstance(n, float) else None)",
}
CONVERTED = """

def _converting(function):
    import functools
    import numpy
    import torch

    def convert(n):
        if type(n) is tuple:
            return tuple(convert(part) for part in n)
        return ({}) if type(n) in (int, float) and abs(n) < 2**31 else n

    @functools.wraps(function)
    def converted(*args, **kwargs):
        return convert(function(*args, **kwargs))

    return converted


if isinstance({name}, type):
    for _name, _member in list(vars({name}).items()):
        if not _name.startswith("_") and callable(_member):
            setattr({name}, _name, _converting(_member))
else:
    {name} = _converting({name})
"""


def with_numbers(kind):
    def transformed(cells, at, stub, rng):
        (name,) = defined(stub)
        cells[at]["source"] += CONVERTED.replace("{}", NUMBERS[kind]).replace("{name}", name)

    transformed.__name__ = f"numbers as {kind}"
    return transformed


TO_CELLS += [with_numbers(kind) for kind in NUMBERS]


def code(source):
    return {"cell_type": "code", "source": source, "metadata": {}}


def needs(source):
    """Whether code uses names that it neither defines nor imports."""
    top = symtable.symtable(source, "answer", "exec")
    tables, used = [top], set()
    while tables:
        table = tables.pop()
        tables += table.get_children()
        used |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (s.is_global() or table is top)}
    return bool(used - {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()} - set(dir(builtins)))


class Course:
    """An assignment as it is released, what is right, and the right answers of its bank."""

    def __init__(self, box, name):
        self.box, self.name = box, name
        self.release = nbformat.read(workspace.EXERCISES / name / f"{name}.ipynb", as_version=4)
        self.expected = Expected(box, name, seed=20_240_229)
        self.answers = {}  # target -> the right answers that define it
        for answer in bank.answers(name):
            if answer.right:
                self.answers.setdefault(exercises.questions(name)[answer.question].target, []).append(answer)
        self.stubs = {name: cell.source for cell in self.release.cells for name in defined(cell.source) & set(self.answers)}

    def notebook(self, chosen, rng, to_notebook=nothing):
        """The cells of a solved notebook: chosen is target -> (answer, what is done to its cell)."""
        keys = {exercises.questions(self.name)[grade_id].target: key.right for grade_id, key in judge.keys(self.name).items()}
        cells = [
            {"cell_type": c.cell_type, "source": c.source, "metadata": dict(c.metadata), "released": True}
            for c in self.release.cells
        ]
        for cell in cells:
            for target in defined(cell["source"]) & set(keys):
                cell |= {"source": f"{target} = {keys[target]!r}", "released": False}
        for target, (answer, transformation) in chosen.items():
            at = next(i for i, c in enumerate(cells) if c["source"] == self.stubs[target])
            cells[at] |= {"source": self.complete(answer.source, target), "released": False}
            transformation(cells, at, self.stubs[target], rng)
        to_notebook(cells)
        return cells

    def complete(self, source, target):
        """An answer that changes a part of the reference's class, with that class above it."""
        if f"class {target}({target})" not in source:
            return source
        reference = (REFERENCES / f"{self.name}.py").read_text(encoding="utf-8")
        wanted = [
            s
            for s in ast.parse(reference).body
            if isinstance(s, (ast.Import, ast.ImportFrom)) or getattr(s, "name", "") == target
        ]
        return "\n".join([*(ast.get_source_segment(reference, statement) for statement in wanted), source])

    def lost(self, cells, targets):
        """What a notebook loses on the quiz and the questions of some targets: grade_id -> sentences."""
        rebuilt = rebuild(self.release, list(cells_of({"cells": cells})))
        found, lost = collect(self.box, rebuilt.code, self.expected), {}
        for grade_id, question in exercises.questions(self.name).items():
            answers = found.answers[grade_id]
            if question.options:
                if answers["_choice"].get("value") != judge.keys(self.name)[grade_id].right:
                    lost[grade_id] = answers
            elif question.target in targets:
                known = {"right": self.expected.right[grade_id], "wrong": []}
                share, sentences = exercises.mark(question, answers, known, quote=True)
                if share < 1:
                    lost[grade_id] = sentences
        return lost

    def must_be_right(self, notebooks):
        """Whether every notebook gets all points; says of each that does not what was done to it."""
        wrong = []
        for seed, chosen, to_notebook in notebooks:
            lost = self.lost(self.notebook(chosen, random.Random(seed), to_notebook), chosen)
            if lost:
                done = {target: (answer.name, how.__name__) for target, (answer, how) in chosen.items()}
                wrong.append((lost, done, to_notebook.__name__))
        assert not wrong, "\n".join(map(str, wrong))

    def drawn(self, count, seed, targets=None):
        """Some notebooks: an answer and a transformation for every question, or those for some targets, at random."""
        rng = random.Random(seed)
        for _ in range(count):
            chosen = {target: (rng.choice(known), rng.choice(TO_CELLS)) for target, known in self.answers.items()}
            yield rng.random(), {t: c for t, c in chosen.items() if t in (targets or chosen)}, rng.choice(TO_NOTEBOOKS)

    def dozens(self):
        """As many notebooks as it takes for every answer to be treated in as many ways; questions that are done are left open."""
        rng = random.Random(self.name)
        pairs = {}
        for target, known in self.answers.items():
            ways = itertools.cycle(rng.sample(TO_CELLS, len(TO_CELLS)))
            pairs[target] = [(answer, next(ways)) for answer in known for _ in range(WAYS.get(self.name, 12))]
        to_notebooks = itertools.cycle(TO_NOTEBOOKS)
        for number in range(max(map(len, pairs.values()))):
            chosen = {target: known[number] for target, known in pairs.items() if number < len(known)}
            yield number, chosen, next(to_notebooks)


@pytest.fixture(scope="module")
def course(box):
    made = {}

    def make(name):
        if name not in made:
            made[name] = Course(box, name)
        return made[name]

    limits, box.limits = box.limits, PATIENT  # a busy machine is no reason for a point
    yield make
    box.limits = limits


def test_right_answers_of_different_questions_are_right_together_whatever_was_done_to_their_cells(course):
    quick = ("clip_grad_norm", "clip_grad_value", "cosine_similarity")  # no training
    course("a1_clipping").must_be_right(course("a1_clipping").drawn(3, seed=3, targets=quick))


@pytest.mark.slow
@pytest.mark.parametrize("name", release.assignments())
def test_right_answers_of_all_questions_are_right_together(course, name):
    course(name).must_be_right(course(name).drawn(8, seed=1))


@pytest.mark.slow
@pytest.mark.parametrize("name", release.assignments())
def test_every_right_answer_is_right_in_a_dozen_ways(course, name):
    course(name).must_be_right(course(name).dozens())
