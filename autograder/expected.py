"""What is right, and what is known to be wrong: the answers of the references and of the bank, for a seed."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autograder import bank
from autograder.partners import Partners
from autograder.sandbox.host import Code, Sandbox, Worker
from autograder.sandbox.limits import PATIENT
from stabilitylab import exercises
from stabilitylab.exercises import Probe

REFERENCES = Path(__file__).parent / "reference"

Answers = dict[str, dict[str, Any]]
"""probe name -> answer, as ``exercises.ask`` returns it, settled, or ``{"died": why}``."""


class Asked:
    """What the questions of an assignment are asked with, and what the reference answers: all that judging a submission's code
    takes, as plain data.

    Attributes:
        assignment: such as ``"a1_clipping"``.
        seed: of the probes.
        drawn: grade_id -> probe name -> what the probe is given.
        right: grade_id -> the reference's answers.
    """

    def __init__(self, assignment: str, seed: int, drawn: dict[str, dict[str, Any]], right: dict[str, Answers]):
        self.assignment, self.seed, self.drawn, self.right = assignment, seed, drawn, right


class Expected(Asked):
    """What the reference, and every known wrong answer, return for a seed. Wrong ones are asked when first needed. Thread-safe.

    Args:
        sandbox: where they run, in processes of their own.
        assignment: such as ``"a1_clipping"``.
        seed: of the probes.

    Raises:
        RuntimeError: if the reference itself fails.
    """

    def __init__(self, sandbox: Sandbox, assignment: str, seed: int):
        super().__init__(assignment, seed, {}, {})
        self._sandbox = sandbox
        self._reference = (REFERENCES / f"{assignment}.py").read_text(encoding="utf-8")
        self._questions = {k: q for k, q in exercises.questions(assignment).items() if not q.options}
        self._locks = {grade_id: threading.Lock() for grade_id in self._questions}
        self._wrong: dict[str, Answers] = {}  # question/name -> as far as it was asked
        with self.trusted() as worker:
            for grade_id, question in exercises.questions(assignment).items():
                self.drawn[grade_id] = {p.name: worker.draw(assignment, grade_id, p.name, seed) for p in question.probes}
            worker.load([Code(self._reference)])
            for grade_id in self._questions:
                self.right[grade_id] = self._answers(worker, grade_id)
        for grade_id, answers in self.right.items():
            for name, answer in answers.items():
                if "value" not in answer:
                    raise RuntimeError(f"the reference of {assignment} fails probe {name} of {grade_id}: {answer}")

    def of(self, grade_id: str, answers: Answers | None = None) -> dict[str, Any]:
        """The form that ``exercises.mark`` takes.

        Args:
            grade_id: the question.
            answers: a learner's. Known wrong answers are left out, and asked no further, once they give something else; default:
                all are asked everything.
        """
        question = self._questions[grade_id]
        wrong = []
        with self._locks[grade_id], contextlib.ExitStack() as stack:
            asking: _KnownWrong | None = None
            for known in bank.answers(self.assignment):
                if known.question != grade_id or known.right:
                    continue
                given = self._wrong.setdefault(f"{grade_id}/{known.name}", {})
                for place, probe in enumerate(question.probes):
                    if probe.name not in given:
                        asking = asking or stack.enter_context(_KnownWrong(self, grade_id))
                        given[probe.name] = asking.ask(known.source, question.probes[: place + 1])
                    if answers and not exercises.agree(answers[probe.name], given[probe.name], probe, nan_is_nan=True):
                        break
                else:
                    wrong.append({"sentence": known.sentence, "given": dict(given)})
        return {"right": self.right[grade_id], "wrong": wrong}

    def trusted(self) -> Worker:
        """A worker for many of our own answers, one after the other."""
        return self._sandbox.worker(PATIENT)

    def given(self, worker: Worker, grade_id: str, source: str) -> Answers:
        """What an answer of our own returns, with the reference's other functions around it."""
        worker.load([Code(self._reference), Code(source)])
        return self._answers(worker, grade_id)

    def _answers(self, worker: Worker, grade_id: str) -> Answers:
        """What the code loaded in a trusted worker returns."""
        with contextlib.closing(Partners(self._sandbox, self.assignment, self.seed, PATIENT)) as partners:
            return {probe.name: self._answer(worker, partners, grade_id, probe) for probe in self._questions[grade_id].probes}

    def _answer(self, worker: Worker, partners: Partners, grade_id: str, probe: Probe) -> dict[str, Any]:
        """Without the text of an exception, which differs between machines."""
        answer = partners.ask(worker, grade_id, probe, self.drawn[grade_id][probe.name])
        return {key: value for key, value in answer.items() if key != "message"}


class _KnownWrong:
    """Asks known wrong answers probe by probe. Use it as a context manager."""

    def __init__(self, expected: Expected, grade_id: str):
        self._expected, self._grade_id = expected, grade_id
        self._worker = expected.trusted()
        self._partners = Partners(expected._sandbox, expected.assignment, expected.seed, PATIENT)
        self._loaded, self._asked = "", 0

    def __enter__(self) -> _KnownWrong:
        return self

    def __exit__(self, *exception: object) -> None:
        self._partners.close()
        self._worker.close()

    def ask(self, source: str, probes: Sequence[Probe]) -> dict[str, Any]:
        """What it gives for the last of some probes, asked after the others, as a learner's code is: it may remember them."""
        if source != self._loaded or self._asked != len(probes) - 1:
            self._worker.load([Code(self._expected._reference), Code(source)])
            self._loaded, self._asked = source, 0
        for probe in probes[self._asked :]:
            answer = self._expected._answer(self._worker, self._partners, self._grade_id, probe)
        self._asked = len(probes)
        return answer
