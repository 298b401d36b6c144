"""Probes and questions: what is looked at, how it is asked, and what is compared of what comes back."""

from __future__ import annotations

import hashlib
import importlib
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

from stabilitylab.exercises import ruled_out
from stabilitylab.exercises.values import decode, encode

Tell = Callable[[Any], Any]
"""Sends plain data to a probe's partner and returns what it replies."""


class Partner(Protocol):
    """The other side of a probe. It stands where no learner's code runs, so what it saw is what happened, and what it has not
    said yet cannot be read."""

    def reply(self, message: Any) -> Any:
        """Answers one message of the probe, in plain data; the message may be anything.

        Raises:
            ValueError: if it makes no sense. The probe ends, and its answer counts as malformed.
        """

    def settle(self, answer: Any) -> Any:
        """From what the probe returned, and what was seen of it, to what is compared.

        Raises:
            ValueError: if the answer makes no sense.
        """


@dataclass(frozen=True)
class Probe:
    """One behaviour to look at.

    Attributes:
        ask: from (what the learner defined, a seeded random generator) to raw data. With ``draw``, from (what the learner
            defined, what was drawn). With ``partner``, a third argument tells it something and returns its reply.
        sentence: what a learner reads when the answer differs and matches no known misconception.
        rtol: relative tolerance when the raw data is compared.
        draw: from the generator to plain data, where the generator would tell too much: it is drawn where no learner's code runs,
            and the learner's process is given the data alone.
        settle: from (the learner's raw data, the same generator anew) to what is compared, where that is not the raw data itself:
            alarms become delays and false alarms. It runs where no learner's code ever ran, on data that may be anything; if it
            raises, the answer counts as malformed.
        partner: from (the same generator anew, another one that the learner's process cannot work out) to a ``Partner``, where
            what happens on the way is judged: which batch was asked for, what a pilot did at a step. It takes the place of
            ``settle``.
    """

    ask: Callable[..., Any]
    sentence: str
    rtol: float = 1e-4
    draw: Callable[[random.Random], Any] | None = None
    settle: Callable[[Any, random.Random], Any] | None = None
    partner: Callable[[random.Random, random.Random], Partner] | None = None

    @property
    def name(self) -> str:
        return self.ask.__name__


@dataclass(frozen=True)
class Question:
    """One graded question.

    Attributes:
        target: the name that the learner's notebook must define.
        probes: behaviours, each worth the same share of the points, the most fundamental first; code that does nothing fails
            every one of them.
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


@cache
def questions(assignment: str) -> Mapping[str, Question]:
    """The questions of an assignment by grade_id.

    Raises:
        ValueError: if there is no such assignment.
    """
    try:
        return importlib.import_module(f"stabilitylab.exercises.{assignment}").QUESTIONS
    except (ModuleNotFoundError, AttributeError):
        raise ValueError(f"assignment is {assignment!r}; there is no such assignment") from None


def given(probe: Probe, seed: int) -> dict[str, Any]:
    """What the process that runs a probe is given: data, or what the probe's own generator starts from, which tells nothing about
    other probes."""
    if probe.draw is None:
        return {"start": _start(probe, seed)}
    return {"data": encode(probe.draw(_generator(probe, seed)))}


def ask(question: Question, probe: Probe, learner: Any, given: Mapping[str, Any], tell: Tell | None = None) -> dict[str, Any]:
    """Runs one probe.

    Args:
        question: what the probe belongs to.
        probe: the behaviour to look at.
        learner: what the learner defined.
        given: what the function ``given`` returned for the probe.
        tell: reaches the partner of a probe that has one.

    Returns:
        ``{"value": encoded raw data}``, or ``{"error": exception name, "message": its text}`` if the learner's code raised.
    """
    from stabilitylab.exercises import surroundings  # loads PyTorch, which reading the list of questions does not need

    try:
        drawn = decode(given["data"]) if "data" in given else random.Random(given["start"])
        arguments = (learner, drawn) if tell is None else (learner, drawn, tell)
        with surroundings.fresh(), ruled_out.without(question.ruled_out):
            return {"value": encode(probe.ask(*arguments))}
    except Exception as error:
        return {"error": type(error).__name__, "message": str(error)[:1000]}


def meet(probe: Probe, seed: int) -> Partner | None:
    """The partner of a probe, which settles its answer too; None if the raw data is what is compared."""
    if probe.partner is not None:
        return probe.partner(_generator(probe, seed), random.Random(_start(probe, seed, "/partner")))
    return None if probe.settle is None else _Settles(probe, seed)


def settle(partner: Partner | None, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Turns what ``ask`` returned into what is compared. Runs no learner's code, and copes with any data.

    Returns:
        The same form as ``ask``; the answer itself if raw data is compared, or if there is no value.
    """
    if partner is None or "value" not in answer:
        return answer
    try:
        return {"value": encode(partner.settle(decode(answer["value"])))}
    except Exception as error:
        return {"error": MALFORMED, "message": f"{error}"[:1000]}


MALFORMED, UNDEFINED = "MalformedAnswer", "Undefined"
"""In the place of an exception's name: what came back cannot be judged; the notebook does not define what is asked for."""


class _Settles:
    """The partner of a probe that is told nothing."""

    def __init__(self, probe: Probe, seed: int):
        self._probe, self._seed = probe, seed

    def reply(self, message: Any) -> Any:
        raise ValueError("this probe has no partner to tell anything")

    def settle(self, answer: Any) -> Any:
        assert self._probe.settle is not None
        return self._probe.settle(answer, _generator(self._probe, self._seed))


def in_one_process(question: Question, probe: Probe, learner: Any, seed: int) -> Mapping[str, Any]:
    """Asks and settles here, for the visible checks, which trust the learner; plain data goes to and fro as between processes."""
    partner = meet(probe, seed)

    def tell(message: Any) -> Any:
        assert partner is not None
        return _travelled(partner.reply(_travelled(message)))

    return settle(partner, ask(question, probe, learner, given(probe, seed), tell if probe.partner else None))


def _travelled(value: Any) -> Any:
    """As it comes out of another process."""
    return decode(json.loads(json.dumps(encode(value))))


def _generator(probe: Probe, seed: int) -> random.Random:
    return random.Random(_start(probe, seed))


def _start(probe: Probe, seed: int, of: str = "") -> str:
    return hashlib.sha256(f"{seed}/{probe.name}{of}".encode()).hexdigest()
