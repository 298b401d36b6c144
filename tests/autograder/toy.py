"""A made-up assignment that is judged in a moment, and a sandbox that runs everything in this process."""

import contextlib
import json
import sys
import types

import nbformat

from autograder.keys import QuizKey
from autograder.sandbox.host import Outcome, WorkerDied
from stabilitylab import exercises
from stabilitylab.exercises import Probe, Question, quiz
from stabilitylab.exercises.values import decode, encode

NAME = "toy"


def small(double, rng):
    return double(rng.uniform(1, 9))


def negative(double, rng):
    return double(-rng.uniform(1, 9))


def closest(near, target):
    return near(target)


QUESTIONS = {
    "double": Question("double", (Probe(small, "Not twice a number."), Probe(negative, "Not twice a negative number."))),
    "near": Question(
        "near",
        (
            Probe(
                closest,
                "Too far away.",
                draw=lambda rng: rng.randrange(100, 10_000),
                settle=lambda raw, rng: abs(raw - rng.randrange(100, 10_000)) <= 1,
            ),
        ),
    ),
    "quiz_one": quiz("answer_one"),
    "quiz_some": quiz("answer_some", several=True),
}
KEYS = {
    "quiz_one": QuizKey("b", {"a": "It is not the first.", "c": "It is not the third.", "d": "It is not the last."}),
    "quiz_some": QuizKey("ac", {"b": "Twice one is two, and even.", "d": "Twice three is six, and even."}),
}
REFERENCE = "def double(x):\n    return 2 * x\n\n\ndef near(target):\n    return target\n"
BANK = {
    "double/wrong_same": ("You return what you were given.", "def double(x):\n    return x\n"),
    "double/wrong_positive": ("You lose the sign.", "def double(x):\n    return abs(2 * x)\n"),
    "double/wrong_raises": ("You raise.", "def double(x):\n    raise ValueError(f'no {x}')\n"),
    "double/right_sum": ("Adds.", "def double(x):\n    return x + x\n"),
    "near/wrong_far": ("You stop ten too early.", "def near(target):\n    return target - 10\n"),
    "near/wrong_does_nothing": ("You return nothing.", "def near(target):\n    pass\n"),
    "near/right_next": ("Next to it.", "def near(target):\n    return target + 1\n"),
}


class Chooser:
    """The partner of a probe: thinks of a number, and says of others whether it is higher."""

    def __init__(self, rng, hidden):
        self.number, self.asked = hidden.randrange(10, 100), 0

    def reply(self, message):
        if type(message) is not int:
            raise ValueError("that is no number")
        self.asked += 1
        return self.number > message

    def settle(self, answer):
        return [answer == self.number, min(self.asked, 3)]


def found_by_asking(guess, rng, tell):
    return guess(tell)


def number_to_guess(seed):
    """What the partner thinks of."""
    return exercises.meet(_GUESS.probes[0], seed).number


_GUESS = Question("guess", (Probe(found_by_asking, "Not the number.", partner=Chooser),))
GUESS = {
    "questions": QUESTIONS | {"guess": _GUESS},
    "reference": REFERENCE
    + "def guess(higher):\n    found = 10\n    while higher(found):\n        found += 1\n    return found\n",
    "answers": BANK
    | {
        "guess/wrong_once": ("You ask once.", "def guess(higher):\n    higher(1)\n    return 1\n"),
        "guess/wrong_recited": ("You do not ask.", "def guess(higher):\n    return 1\n"),
    },
}
"""For ``install``: the assignment with one question more, whose probe has a partner."""

SOLVED = [REFERENCE, "answer_one = 'b'", "answer_some = 'ca'"]


def install(folder, monkeypatch, answers=None, reference=REFERENCE, questions=None, keys=None):
    """Makes the assignment known to the grader: module, key, reference and bank, for the time of a test."""
    from autograder import bank, expected
    from autograder import keys as real_keys

    modules = {
        f"stabilitylab.exercises.{NAME}": {"QUESTIONS": QUESTIONS if questions is None else questions},
        f"autograder.keys.{NAME}": {"QUIZ": KEYS if keys is None else keys},
    }
    for name, content in modules.items():
        module = types.ModuleType(name)
        vars(module).update(content)
        monkeypatch.setitem(sys.modules, name, module)
    (folder / "keys").mkdir(parents=True, exist_ok=True)
    (folder / "keys" / f"{NAME}.py").write_text(repr(KEYS if keys is None else keys))
    monkeypatch.setattr(real_keys, "__path__", [str(folder / "keys"), *real_keys.__path__])
    (folder / "reference").mkdir(exist_ok=True)
    (folder / "reference" / f"{NAME}.py").write_text(reference)
    for place, (sentence, code) in (BANK if answers is None else answers).items():
        path = folder / "bank" / NAME / f"{place}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'"""{sentence}"""\n\n\n{code}')
    monkeypatch.setattr(expected, "REFERENCES", folder / "reference")
    monkeypatch.setattr(bank, "FOLDER", folder / "bank")
    forget()


def forget():
    """What is remembered of assignments belongs to one test."""
    from autograder import bank

    bank.answers.cache_clear()
    exercises.questions.cache_clear()


class Died(BaseException):
    """Raised by a learner's code of a test where a real one would end its process."""


class Here:
    """A sandbox and its workers without processes. Remembers the limits that workers were started with, and what they did."""

    def __init__(self, warning=""):
        self.kind, self.warning = "here", warning
        self.limits, self.done, self.files, self.open, self.closed = [], [], [], 0, 0

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def worker(self, limits=None):
        self.limits.append(limits)
        self.open += 1
        return _Worker(self)

    def close(self):
        self.closed += 1


class _Worker:
    def __init__(self, box):
        self.box, self.namespace, self.is_open = box, {}, True

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        assert self.is_open, "closed twice"
        self.is_open = False
        self.box.open -= 1

    def load(self, cells, targets=(), files=None):
        self.box.done.append("load")
        self.box.files.append(files)
        self.namespace, self.definitions, outcomes = {"Died": Died}, {name: [] for name in targets}, []
        for number, cell in enumerate(cells):
            before = {name: self.namespace.get(name) for name in targets}
            try:
                exec(cell.source, self.namespace)
                error = {}
            except Died as died:
                stopped = WorkerDied(str(died))
                stopped.cell = number
                raise stopped from None
            except Exception as raised:
                error = {"error": type(raised).__name__, "message": str(raised)}
            new = tuple(name for name in targets if self.namespace.get(name) is not before[name])
            for name in new:
                self.definitions[name].append(self.namespace[name])
            outcomes.append(Outcome(**error, defines=new))
        return outcomes

    def use(self, target, definition):
        self.namespace[target] = self.definitions[target][definition]

    def _find(self, assignment, grade_id, name):
        assert self.is_open
        question = exercises.questions(assignment)[grade_id]
        return question, next(probe for probe in question.probes if probe.name == name)

    def draw(self, assignment, grade_id, name, seed):
        return exercises.given(self._find(assignment, grade_id, name)[1], seed)

    def ask(self, assignment, grade_id, name, given, tell):
        self.box.done.append(name)
        question, probe = self._find(assignment, grade_id, name)
        if question.target not in self.namespace:
            return {"error": exercises.UNDEFINED, "message": ""}

        def telling(message):
            answer = tell(encode(message))
            if "gone" in answer:
                raise ValueError(answer["gone"])
            return decode(answer["reply"])

        try:
            answer = exercises.ask(question, probe, self.namespace[question.target], given, telling if probe.partner else None)
        except Died as error:
            raise WorkerDied(str(error)) from None
        return json.loads(json.dumps(answer))

    @contextlib.contextmanager
    def question(self, assignment, grade_id):
        yield

    def meet(self, assignment, grade_id, name, seed):
        self.box.done.append(f"meet {name}")
        self.partner = exercises.meet(self._find(assignment, grade_id, name)[1], seed)

    def tell(self, message):
        try:
            return {"reply": encode(self.partner.reply(decode(message)))}
        except ValueError as error:
            return {"gone": str(error)}

    def settle(self, answer):
        self.box.done.append("settle")
        with contextlib.suppress(TypeError):
            if answer["value"] == "endless":
                raise WorkerDied("it took too long")
        return json.loads(json.dumps(exercises.settle(self.partner, answer)))


# the assignment as a notebook


def _cell(grade_id, content, kind="", solution=False, points=None):
    about = {"grade": points is not None, "grade_id": grade_id, "locked": not solution, "schema_version": 3}
    about |= {"solution": solution, "task": False} | ({} if points is None else {"points": points})
    text = "\n".join(f"# {line}".rstrip() for line in content.splitlines()) if kind == "[markdown] " else content
    return f"# %% {kind}nbgrader={json.dumps(about)}\n{text}\n\n"


def _solved(code):
    return "### BEGIN SOLUTION\n" + code + "\n### END SOLUTION"


_INDENTED = "    ### BEGIN SOLUTION\n    return {}\n    ### END SOLUTION\n"
_NOTE = "  # write letters between the quotes\n"
_CHOICES = "## {}\n\n- **a** {}\n- **b** {}\n- **c** {}\n- **d** {}"
SOURCE = "".join(
    [
        _cell("intro", "# Twice", "[markdown] "),
        _cell("setup", "import math"),
        _cell("double_code", 'def double(x):\n    """Twice x."""\n' + _INDENTED.format("2 * x"), solution=True),
        _cell("double", 'check("toy/double", double)', points=4),
        _cell(
            "near_code", 'def near(target):\n    """Next to it."""\n' + _INDENTED.format("target + math.ceil(0.5)"), solution=True
        ),
        _cell("near", 'check("toy/near", near)', points=2),
        _cell("quiz_one_text", _CHOICES.format("Which?", "The first.", "Second, rightly.", "The third.", "Last."), "[markdown] "),
        _cell("quiz_one_code", 'answer_one = ""' + _NOTE + _solved('answer_one = "b"'), 'tags=["quiz"] ', solution=True),
        _cell("quiz_one", 'check("toy/quiz_one", answer_one)', points=1),
        _cell("quiz_some_text", _CHOICES.format("Odd?", "One.", "Twice one.", "Three.", "Twice three."), "[markdown] "),
        _cell("quiz_some_code", 'answer_some = ""' + _NOTE + _solved('answer_some = "ac"'), 'tags=["quiz"] ', solution=True),
        _cell("quiz_some", 'check("toy/quiz_some", answer_some)', points=1),
        _cell("own_words", "*Your answer.*\n" + _solved("It is twice as much."), "[markdown] ", solution=True, points=3),
    ]
)
"""As in solutions/: 8 points by machine and 3 by hand."""


def publish(folder, monkeypatch):
    """Gives the assignment a source and a folder for its release, away from the course's own."""
    from autograder import release
    from stabilitylab import workspace

    path = folder / "solutions" / NAME / f"{NAME}.py"
    path.parent.mkdir(parents=True)
    path.write_text(SOURCE)
    monkeypatch.setattr(release, "SOLUTIONS", folder / "solutions")
    monkeypatch.setattr(workspace, "EXERCISES", folder / "exercises")
    monkeypatch.setattr(exercises.checks, "CHECKS", folder / "checks")
    return path


def solution():
    """The solved notebook."""
    import jupytext

    return jupytext.reads(SOURCE, fmt="py:percent")


def cell(made, grade_id):
    return next(c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def hand_in(folder, student, made):
    path = folder / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(made if isinstance(made, str) else nbformat.writes(made))
