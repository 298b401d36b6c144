"""What the course asks of a learner's code, and the checks a notebook shows.

A *probe* calls the learner's function on data drawn from a seed and returns raw results; it holds no expected value and
says nothing about right or wrong. ``check`` runs the probes of one question in the notebook, on a public seed, against
recorded answers. The grader runs the same probes elsewhere, on a secret seed, and compares outside the learner's process.

Every assignment is a module here that defines ``QUESTIONS``.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import inspect
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from stabilitylab import workspace
from stabilitylab.exercises.values import decode, encode, same

PUBLIC_SEED = 0
"""The seed of the checks a notebook shows; the grader draws its own."""

VERSION = 1
"""Of the file that remembers which visible checks passed."""

CHECKS = workspace.DATA / "checks"


@dataclass(frozen=True)
class Probe:
    """One behaviour to look at.

    Attributes:
        ask: from (what the learner defined, a seeded random generator) to raw data. With ``draw``, from (what the learner
            defined, what was drawn).
        sentence: what a learner reads when the answer differs and matches no known misconception.
        rtol: relative tolerance when the raw data is compared.
        draw: from the generator to plain data, where the generator would tell too much: it is drawn where no learner's code runs,
            and the learner's process is given the data alone.
        settle: from (the learner's raw data, the same generator anew) to what is compared, where that is not the raw data itself:
            alarms become delays and false alarms, the decisions of a run become its validation loss. The grader runs it where no
            learner's code ever ran, on data that may be anything; if it raises, the answer counts as malformed.
    """

    ask: Callable[[Any, Any], Any]
    sentence: str
    rtol: float = 1e-4
    draw: Callable[[random.Random], Any] | None = None
    settle: Callable[[Any, random.Random], Any] | None = None

    @property
    def name(self) -> str:
        return self.ask.__name__


@dataclass(frozen=True)
class Question:
    """One graded question.

    Attributes:
        target: the name that the learner's notebook must define.
        probes: behaviours, each worth the same share of the points; code that does nothing fails every one of them.
        options: for a quiz question, the letters that may be chosen; its one probe returns the learner's answer, which only the
            grader marks.
        several: whether more than one of them may be right; the answer is then written as in ``"ac"``.
        ruled_out: functions and classes that may not be used, by their full names, such as ``"torch.nn.utils.clip_grad_norm_"``:
            using one earns nothing on the question.
    """

    target: str
    probes: tuple[Probe, ...] = ()
    options: tuple[str, ...] = ()
    several: bool = False
    ruled_out: tuple[str, ...] = ()


def quiz(target: str, several: bool = False) -> Question:
    """A question whose answer is one of four letters, or several; its probe hands the learner's through."""
    return Question(target=target, options=("a", "b", "c", "d"), several=several, probes=(Probe(_choice, ""),))


def is_answer(question: Question, answer: Any) -> bool:
    """Whether something is an answer to a quiz question, right or wrong."""
    if not isinstance(answer, str) or not answer or len(set(answer)) < len(answer):
        return False
    return set(answer) <= set(question.options) and (question.several or len(answer) == 1)


def asks_for(question: Question) -> str:
    """What an answer to a quiz question looks like, in a sentence."""
    some, example = ("one or more", ', as in "ac"') if question.several else ("one", "")
    return f"{question.target} must be {some} of the letters {', '.join(question.options)}{example}."


def _choice(answer: Any, rng: random.Random) -> Any:
    return answer


class RuledOut(Exception):
    """A library function was used that the exercise asks to write."""


class CheckFailed(AssertionError):
    """A visible check did not pass; shown as its sentences, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@cache
def questions(assignment: str) -> Mapping[str, Question]:
    """The questions of an assignment by grade_id.

    Raises:
        ValueError: if there is no such assignment.
    """
    try:
        return importlib.import_module(f"{__name__}.{assignment}").QUESTIONS
    except ModuleNotFoundError:
        raise ValueError(f"assignment is {assignment!r}; there is no such assignment") from None


def given(probe: Probe, seed: int) -> dict[str, Any]:
    """What the process that runs a probe is given: data, or what the probe's own generator starts from, which tells nothing about
    other probes."""
    if probe.draw is None:
        return {"start": _start(probe, seed)}
    return {"data": encode(probe.draw(random.Random(_start(probe, seed))))}


def ask(question: Question, probe: Probe, learner: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Runs one probe.

    Args:
        question: what the probe belongs to.
        probe: the behaviour to look at.
        learner: what the learner defined.
        given: what the function ``given`` returned for the probe.

    Returns:
        ``{"value": encoded raw data}``, or ``{"error": exception name, "message": its text}`` if the learner's code raised.
    """
    try:
        drawn = decode(given["data"]) if "data" in given else random.Random(given["start"])
        with _without(question.ruled_out):
            return {"value": encode(probe.ask(learner, drawn))}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)[:300]}


def settle(probe: Probe, answer: Mapping[str, Any], seed: int) -> Mapping[str, Any]:
    """Turns what ``ask`` returned into what is compared. Runs no learner's code, and copes with any data.

    Returns:
        The same form as ``ask``; the answer itself if the probe compares raw data, or if there is no value.
    """
    if probe.settle is None or "value" not in answer:
        return answer
    try:
        return {"value": encode(probe.settle(decode(answer["value"]), random.Random(_start(probe, seed))))}
    except Exception as error:
        return {"error": "MalformedAnswer", "message": f"what came back cannot be judged: {error}"[:300]}


def _start(probe: Probe, seed: int) -> str:
    return hashlib.sha256(f"{seed}/{probe.name}".encode()).hexdigest()


def mark(
    question: Question, given: Mapping[str, Mapping[str, Any]], expected: Mapping[str, Any], quote: bool = False
) -> tuple[float, list[str]]:
    """Compares a learner's raw answers with the reference's and those of known misconceptions. Runs no learner's code.

    Args:
        question: what was asked.
        given: probe name -> what ``ask`` returned for the learner, or ``{"died": why}`` if the process was stopped.
        expected: ``{"right": probe name -> what ask returned for the reference, "wrong": [{"sentence": ..., "given":
            the same for a wrong answer that holds one misconception}, ...]}``.
        quote: whether sentences may repeat the text of an exception, which is the learner's own; default not.

    Returns:
        The share of the points, and one sentence per thing that is wrong, the misconception that explains most of it first.
    """

    def explained(wrong: Mapping[str, Any]) -> list[Probe]:
        """The probes on which the learner's answer is that of a known wrong one."""
        return [
            probe for probe in question.probes if agree(given[probe.name], wrong["given"][probe.name], probe, nan_is_nan=True)
        ]

    if any(answer.get("error") == "RuledOut" for answer in given.values()):
        generic = f"{question.target} must not use the library's own: it is ruled out here, and using it earns nothing."
        known = (
            wrong["sentence"]
            for wrong in expected["wrong"]
            if any(a.get("error") == "RuledOut" for a in wrong["given"].values()) and len(explained(wrong)) == len(given)
        )
        return 0.0, [next(known, generic)]
    if all(answer.get("error") == "NotImplementedError" for answer in given.values()):
        return 0.0, [f"{question.target} is not written yet: replace the line that raises NotImplementedError."]
    failed = [probe for probe in question.probes if not agree(given[probe.name], expected["right"][probe.name], probe)]
    share = 1 - len(failed) / len(question.probes)
    # a misconception must explain a failure; of those that do, the likeliest agrees with the learner on most probes, right ones
    # too
    candidates = [wrong for wrong in expected["wrong"] if any(probe in failed for probe in explained(wrong))]
    likeliest = max(candidates, key=lambda wrong: len(explained(wrong)), default=None)
    sentences = [likeliest["sentence"]] if likeliest else []
    rest = [probe for probe in failed if likeliest is None or probe not in explained(likeliest)]
    sentences += [probe.sentence + _failure(given[probe.name], quote) for probe in rest]
    return share, list(dict.fromkeys(sentences))


def agree(a: Mapping[str, Any], b: Mapping[str, Any], probe: Probe, nan_is_nan: bool = False) -> bool:
    """Whether two answers, as ``ask`` returns them, are the same: equal values, or the same exception."""
    if "value" in a and "value" in b:
        return same(a["value"], b["value"], probe.rtol, nan_is_nan=nan_is_nan)
    return "error" in a and a["error"] == b.get("error")


def _failure(answer: Mapping[str, Any], quote: bool) -> str:
    if "died" in answer:
        return f" (Your code was stopped: {answer['died']}.)"
    if "error" not in answer:
        return ""
    if quote:
        return f" (Your code raised {answer['error']}: {answer['message']})"
    # the name of an exception is the learner's own text too: only a plain word is repeated
    plain = answer["error"].isidentifier() and len(answer["error"]) < 40
    return f" (Your code raised {answer['error'] if plain else 'an exception'}.)"


_USED: list[str] = []
"""Whether something that is ruled out was used since a probe began, even if the learner's code caught the exception."""


def refuse() -> None:
    """What a ruled-out function does while a probe runs."""
    _USED.append("")
    raise RuledOut("this function is ruled out here; write it yourself")


def _refused(*args: Any, **kwargs: Any) -> None:
    from stabilitylab.exercises import refuse  # runs among the globals of the function whose code it replaces

    refuse()


@contextlib.contextmanager
def _without(names: tuple[str, ...]) -> Iterator[None]:
    """Takes the code out of functions, and out of the methods of classes, for the time of a probe: no other name, thread or early
    import keeps it."""
    functions: list[FunctionType] = []
    builtins: list[tuple[Any, str, Any]] = []
    for name in names:
        owner, attribute, found = _resolve(name)
        if isinstance(found, type):
            members = (getattr(member, "__func__", member) for member in vars(found).values())
            functions += [member for member in members if isinstance(member, FunctionType)]
        elif isinstance(found, FunctionType):
            functions.append(inspect.unwrap(found))
        elif found is not None:
            builtins.append((owner, attribute, found))
    codes = [(function, function.__code__) for function in dict.fromkeys(functions)]
    for function, code in codes:
        # code only goes into a function that closes over as many variables
        function.__code__ = _refused.__code__.replace(co_freevars=code.co_freevars)
    for owner, attribute, _ in builtins:
        setattr(owner, attribute, _refused)
    _USED.clear()
    try:
        yield
    finally:
        for function, code in codes:
            function.__code__ = code
        for owner, attribute, found in builtins:
            setattr(owner, attribute, found)
    if _USED:
        raise RuledOut("a function that is ruled out was used")


def _resolve(name: str) -> tuple[Any, str, Any]:
    """(what holds it, under which name, the function or class): None for one that this version of a library does not have."""
    path = name.split(".")
    owner: Any = importlib.import_module(path[0])
    for position, part in enumerate(path[1:-1], start=2):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(".".join(path[:position]))
        owner = getattr(owner, part, None)
    found = inspect.getattr_static(owner, path[-1], None) if isinstance(owner, type) else getattr(owner, path[-1], None)
    return owner, path[-1], found


def check(question: str, learner: Any) -> None:
    """Runs the visible checks of a question in a notebook and prints how they went.

    Args:
        question: ``"assignment/grade_id"``, such as ``"a1_clipping/clip_grad_norm"``.
        learner: your function, or your answer to a quiz question.

    Raises:
        CheckFailed: if a check does not pass, with one sentence for each misconception found.
    """
    assignment, _, grade_id = question.partition("/")
    asked = questions(assignment)[grade_id]
    if asked.options:
        if not is_answer(asked, learner):
            raise CheckFailed(f"{asked.target} is {learner!r}. {asks_for(asked)}")
        print(f"Answer {learner!r} is noted. It is marked when your work is graded.")
        return
    expected = json.loads((CHECKS / f"{assignment}.json").read_text())[grade_id]
    raw = {probe: ask(asked, probe, learner, given(probe, PUBLIC_SEED)) for probe in asked.probes}
    answers = {probe.name: settle(probe, answer, PUBLIC_SEED) for probe, answer in raw.items()}
    share, sentences = mark(asked, answers, expected, quote=True)
    passed = round(share * len(asked.probes))
    summary = f"{asked.target}: {passed} of {len(asked.probes)} checks pass."
    with contextlib.suppress(OSError):  # where there is no folder to write to, as in the grader's sandbox, nothing is kept
        workspace.save("checks", VERSION, workspace.load("checks", VERSION) | {question: not sentences})
    if sentences:
        raise CheckFailed("\n".join([summary, *(f"- {sentence}" for sentence in sentences)]))
    print(summary)


def passed() -> dict[str, bool]:
    """Question, as assignment/grade_id -> whether its visible checks all passed when they were last run."""
    return workspace.load("checks", VERSION)


def checked() -> dict[str, list[str]]:
    """Assignment -> its questions that have visible checks."""
    return {path.stem: list(json.loads(path.read_text())) for path in sorted(CHECKS.glob("*.json"))}
