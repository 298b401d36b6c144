"""Functions of a library that an exercise asks to write."""

import contextlib
import gc
import importlib
import sys
import types

import pytest

from stabilitylab.exercises import Probe, Question, RuledOut, ask, checked, given, questions, ruled_out

LIBRARY = """
import functools

def clip(x, limit=1.0):
    return min(x, limit)

def closing_over(factor):
    def scaled(x):
        return factor * x
    return scaled

scaled = closing_over(3)
decorated = functools.wraps(clip)(lambda *arguments: clip(*arguments))
alias = clip

class Scaler:
    def __init__(self, factor):
        self.factor = factor

    def scale(self, x):
        return self.factor * x

    @staticmethod
    def help(x):
        return x

    @classmethod
    def make(cls):
        return cls(2)

class Inner:
    def method(self):
        return 1

built_in = len
"""


@pytest.fixture
def library(monkeypatch, tmp_path):
    made = types.ModuleType("library_of_toys")
    exec(compile(LIBRARY, str(tmp_path), "exec"), vars(made))
    monkeypatch.setitem(sys.modules, "library_of_toys", made)
    return made


USES = {
    "clip": lambda library: library.clip(3.0),
    "scaled": lambda library: library.scaled(3.0),
    "decorated": lambda library: library.clip(3.0),
    "alias": lambda library: library.clip(3.0),
    "Scaler": lambda library: library.Scaler(2),
    "Inner.method": lambda library: library.Inner().method(),
    "built_in": lambda library: library.built_in([]),
}


@pytest.mark.parametrize("name", USES)
def test_what_is_ruled_out_cannot_be_used_while_it_is_and_works_again_after(library, name):
    before = USES[name](library)
    with pytest.raises(RuledOut), ruled_out.without((f"library_of_toys.{name}",)):
        USES[name](library)
    after = USES[name](library)
    assert type(after) is type(before) and vars(after) == vars(before) if name == "Scaler" else after == before


def test_every_method_of_a_class_is_taken(library):
    made = library.Scaler(2)
    for use in (lambda: made.scale(1), lambda: library.Scaler.help(1), lambda: library.Scaler.make()):
        with pytest.raises(RuledOut), ruled_out.without(("library_of_toys.Scaler",)):
            use()
    assert made.scale(3) == 6 and library.Scaler.help(1) == 1


def test_an_exception_that_was_caught_is_noticed_at_the_end(library):
    with pytest.raises(RuledOut), ruled_out.without(("library_of_toys.clip",)), contextlib.suppress(RuledOut):
        library.clip(1.0)
    with ruled_out.without(("library_of_toys.clip",)):
        pass  # and it is forgotten


def test_one_that_a_library_does_not_have_is_passed_over(library):
    with ruled_out.without(("library_of_toys.future", "library_of_toys.none.such", "library_of_toys.Inner.other")):
        assert library.clip(3.0) == 1.0


def test_other_functions_of_the_library_go_on_working(library):
    with ruled_out.without(("library_of_toys.clip",)):
        assert library.Scaler(2).scale(3) == 6


def test_an_exception_of_the_learners_gives_everything_back(library):
    with pytest.raises(KeyError), ruled_out.without(("library_of_toys.clip",)):
        raise KeyError
    assert library.clip(3.0) == 1.0


def codes(folder):
    """How many pieces of the library's code named clip can be found in this process."""
    referents = (part for thing in gc.get_objects() for part in gc.get_referents(thing) if isinstance(part, types.CodeType))
    return len({id(code) for code in referents if code.co_name == "clip" and code.co_filename == str(folder)})


def test_what_was_taken_and_thrown_away_is_nowhere(library, tmp_path):
    assert codes(tmp_path) == 1
    ruled_out.take(("library_of_toys.clip",))
    assert codes(tmp_path) == 0
    with pytest.raises(RuledOut):
        library.alias(1.0)


def clipped(learner, rng):
    return learner(3.0)


def test_a_probe_takes_away_what_its_question_rules_out(library):
    probe = Probe(clipped, "")
    strict, free = Question("f", (probe,), ruled_out=("library_of_toys.clip",)), Question("f", (probe,))
    answer = {question: ask(question, probe, library.clip, given(probe, 1)) for question in (strict, free)}
    assert answer[strict]["error"] == "RuledOut" and answer[free] == {"value": 1.0}


def importable(name):
    """Whether a learner can import a function or class by its full name."""
    place, _, attribute = name.rpartition(".")
    try:
        return hasattr(importlib.import_module(place), attribute)
    except ModuleNotFoundError:
        return False


def test_whatever_the_course_rules_out_is_found_where_it_can_be_imported():
    found = 0
    for assignment in checked():
        for question in questions(assignment).values():
            for name in filter(importable, question.ruled_out):
                assert ruled_out._resolve(name)[2] is not None, name
                found += 1
    assert found > 10
