"""What is right, and what is known to be wrong: the answers of the references and of the bank, for a seed."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path
from typing import Any

from autograder import bank
from autograder.partners import Partners
from autograder.sandbox.host import Code, Sandbox, Worker
from autograder.sandbox.limits import PATIENT
from stabilitylab import exercises

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
        self._wrong: dict[str, list[dict[str, Any]]] = {}
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

    def of(self, grade_id: str) -> dict[str, Any]:
        """The form that ``exercises.mark`` takes."""
        with self._locks[grade_id]:
            if grade_id not in self._wrong:
                known = [a for a in bank.answers(self.assignment) if a.question == grade_id and not a.right]
                with self.trusted() as worker:
                    self._wrong[grade_id] = [
                        {"sentence": answer.sentence, "given": self.given(worker, grade_id, answer.source)} for answer in known
                    ]
        return {"right": self.right[grade_id], "wrong": self._wrong[grade_id]}

    def trusted(self) -> Worker:
        """A worker for many of our own answers, one after the other."""
        return self._sandbox.worker(PATIENT)

    def given(self, worker: Worker, grade_id: str, source: str) -> Answers:
        """What an answer of our own returns, with the reference's other functions around it."""
        worker.load([Code(self._reference), Code(source)])
        return self._answers(worker, grade_id)

    def _answers(self, worker: Worker, grade_id: str) -> Answers:
        """What the code loaded in a trusted worker returns: without the texts of exceptions, which differ between machines."""
        found: Answers = {}
        with contextlib.closing(Partners(self._sandbox, self.assignment, self.seed, PATIENT)) as partners:
            for probe in self._questions[grade_id].probes:
                answer = partners.ask(worker, grade_id, probe, self.drawn[grade_id][probe.name])
                found[probe.name] = {k: v for k, v in answer.items() if k != "message"}
        return found
