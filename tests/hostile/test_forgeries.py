"""Answers that reach for the witness instead of doing the work: frames, memory, patched classes, what a partner is told.

Each begins with its question, and with the most that it may earn: what it does honestly is not taken from it.
"""

import ast
import re
from pathlib import Path

import pytest

from autograder import release
from autograder.asking import collect
from autograder.expected import Expected
from autograder.sandbox.host import Code, Sandbox
from stabilitylab import exercises

pytestmark = pytest.mark.slow
FORGERIES = {path.stem: path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parent / "forgeries").glob("*.py"))}
SEED = 20


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def expected(sandbox):
    """From the beginning of an assignment's name to what is right there, on one seed."""
    known = {}

    def of(number):
        if number not in known:
            known[number] = Expected(sandbox, next(n for n in release.assignments() if n.startswith(number)), SEED)
        return known[number]

    return of


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_earns_no_more_than_what_it_does_honestly(sandbox, expected, name):
    said = " ".join(ast.get_docstring(ast.parse(FORGERIES[name])).split())
    grade_id, most, of = re.match(r"(\w+): .* At most (\d+) of (\d+)", said).groups()
    right = expected(name.split("_")[0])
    probes = exercises.questions(right.assignment)[grade_id].probes
    answers = collect(sandbox, [Code(FORGERIES[name])], right).answers[grade_id]
    passed = [probe.name for probe in probes if exercises.agree(answers[probe.name], right.right[grade_id][probe.name], probe)]
    assert len(probes) == int(of)
    assert len(passed) <= int(most), passed


def test_there_are_forgeries_of_every_question_in_which_something_is_watched():
    watched = {
        (assignment, grade_id)
        for assignment in release.assignments()[3:]
        for grade_id, question in exercises.questions(assignment).items()
        if any(probe.partner for probe in question.probes)
    }
    tried = {(name.split("_")[0], ast.get_docstring(ast.parse(source)).split(":")[0]) for name, source in FORGERIES.items()}
    assert {(assignment.split("_")[0], grade_id) for assignment, grade_id in watched} <= tried
