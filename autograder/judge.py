"""From a learner's cells to marks: questions asked in one sandbox, the references' answers from another, compared here outside
both."""

from __future__ import annotations

import contextlib
import importlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import bank
from autograder.keys import QuizKey
from autograder.sandbox.host import Sandbox, Worker, WorkerDied
from autograder.sandbox.limits import PATIENT
from stabilitylab import exercises
from stabilitylab.exercises import Probe, Question

REFERENCES = Path(__file__).parent / "reference"
FATAL_FAILURES = 3  # after so many dead workers the rest of a submission is not tried

Answers = dict[str, dict[str, Any]]
"""probe name -> answer, as ``exercises.ask`` returns it, or ``{"died": why}``."""


@dataclass(frozen=True)
class Mark:
    """How one question went: the share of its points, and what to tell the learner."""

    share: float
    feedback: tuple[str, ...]


class Expected:
    """What the reference, and every known wrong answer, return for a seed. Wrong ones are asked when first needed. Thread-safe.

    Args:
        sandbox: where they run, in processes of their own.
        assignment: such as ``"a1_clipping"``.
        seed: of the probes.

    Attributes:
        drawn: grade_id -> probe name -> what the probe is given.
        right: grade_id -> the reference's answers.

    Raises:
        RuntimeError: if the reference itself fails.
    """

    def __init__(self, sandbox: Sandbox, assignment: str, seed: int):
        self.assignment, self.seed = assignment, seed
        self._sandbox = sandbox
        self._reference = (REFERENCES / f"{assignment}.py").read_text(encoding="utf-8")
        self._questions = {k: q for k, q in exercises.questions(assignment).items() if not q.options}
        self._locks = {grade_id: threading.Lock() for grade_id in self._questions}
        self._wrong: dict[str, list[dict[str, Any]]] = {}
        self.drawn: dict[str, dict[str, Any]] = {}
        self.right: dict[str, Answers] = {}
        with self.trusted() as worker:
            for grade_id, question in exercises.questions(assignment).items():
                self.drawn[grade_id] = {p.name: worker.draw(assignment, grade_id, p.name, seed) for p in question.probes}
            worker.load([self._reference])
            for grade_id in self._questions:
                self.right[grade_id] = self.answers(worker, grade_id)
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
        worker.load([self._reference, source])
        return self.answers(worker, grade_id)

    def answers(self, worker: Worker, grade_id: str) -> Answers:
        """What the code loaded in a trusted worker returns: settled, and without the texts of exceptions, which differ between
        machines."""
        found: Answers = {}
        for probe in self._questions[grade_id].probes:
            answer = worker.ask(self.assignment, grade_id, probe.name, self.drawn[grade_id][probe.name])
            found[probe.name] = {k: v for k, v in _settled(worker, self, grade_id, probe, answer).items() if k != "message"}
        return found


def collect(sandbox: Sandbox, cells: Sequence[str], expected: Expected) -> dict[str, Answers]:
    """Runs a learner's cells and asks every probe; a worker that dies costs the rest of that question, not the others.

    Args:
        sandbox: where to run them.
        cells: the learner's code cells, in order.
        expected: says what is asked. Nothing of what it expects goes into the sandbox.

    Returns:
        grade_id -> raw answers.
    """
    collected: dict[str, Answers] = {}
    deaths: list[str] = []
    with contextlib.ExitStack() as open_workers:
        worker: Worker | None = None
        for grade_id, question in exercises.questions(expected.assignment).items():
            answers = collected[grade_id] = {}
            for probe in question.probes:
                if len(deaths) < FATAL_FAILURES and not any("died" in answer for answer in answers.values()):
                    try:
                        if worker is None:
                            worker = open_workers.enter_context(sandbox.worker())
                            worker.load(cells)
                        drawn = expected.drawn[grade_id][probe.name]
                        answers[probe.name] = worker.ask(expected.assignment, grade_id, probe.name, drawn)
                        continue
                    except WorkerDied as error:
                        deaths.append(str(error))
                        open_workers.close()
                        worker = None
                answers[probe.name] = {"died": deaths[-1]}
    return collected


def keys(assignment: str) -> Mapping[str, QuizKey]:
    """The keys of an assignment's quiz questions, by grade_id."""
    return importlib.import_module(f"autograder.keys.{assignment}").QUIZ


def judge(
    sandbox: Sandbox, collected: Mapping[str, Answers], expected: Expected, order: Mapping[str, str] | None = None
) -> dict[str, Mark]:
    """Marks every question of a submission: grade_id -> mark.

    Args:
        sandbox: to settle probes in.
        collected: what the submission answered.
        expected: what is right.
        order: quiz question -> the letters of the source in the order the learner saw them, default the source's.
    """
    answers_of_quiz = keys(expected.assignment)
    questions = exercises.questions(expected.assignment)
    marks = {}
    with contextlib.closing(_Settling(sandbox, expected)) as settling:
        for grade_id, question in questions.items():
            if question.options:
                (answer,) = collected[grade_id].values()
                marks[grade_id] = _mark_choice(
                    question, answers_of_quiz[grade_id], answer.get("value"), (order or {}).get(grade_id, "abcd")
                )
                continue
            answers = {
                probe.name: settling.settled(grade_id, probe, collected[grade_id][probe.name]) for probe in question.probes
            }
            if all(exercises.agree(answers[p.name], expected.right[grade_id][p.name], p) for p in question.probes):
                marks[grade_id] = Mark(1.0, ())
            else:
                share, sentences = exercises.mark(question, answers, expected.of(grade_id))
                marks[grade_id] = Mark(share, tuple(sentences))
    return marks


class _Settling:
    """Works out what is compared of a learner's answers, in workers that were given no learner's code. Close it."""

    def __init__(self, sandbox: Sandbox, expected: Expected):
        self.sandbox, self.expected = sandbox, expected
        self._worker: Worker | None = None

    def settled(self, grade_id: str, probe: Probe, answer: dict[str, Any]) -> dict[str, Any]:
        """An answer, settled if its probe asks for it. One that takes too long to settle is malformed: it may have been made
        to."""
        if probe.settle is None or "value" not in answer:
            return answer
        try:
            if self._worker is None:
                self._worker = self.sandbox.worker()
            return _settled(self._worker, self.expected, grade_id, probe, answer)
        except WorkerDied:
            self.close()
            return {"error": "MalformedAnswer"}

    def close(self) -> None:
        if self._worker is not None:
            self._worker.close()
            self._worker = None


def _settled(worker: Worker, expected: Expected, grade_id: str, probe: Probe, answer: dict[str, Any]) -> dict[str, Any]:
    """What is compared of a raw answer, worked out in a worker that was given no learner's code."""
    if probe.settle is None or "value" not in answer:
        return answer
    return worker.settle(expected.assignment, grade_id, probe.name, expected.seed, answer)


def _mark_choice(question: Question, key: QuizKey, answer: Any, order: str) -> Mark:
    """A quiz answer's share of the points: where several choices are right, those chosen rightly less those chosen wrongly."""
    if not exercises.is_answer(question, answer):
        return Mark(0.0, (exercises.asks_for(question),))
    chosen, right = {order[question.options.index(letter)] for letter in answer}, set(key.right)
    wrong = tuple(key.wrong[letter] for letter in sorted(chosen - right))
    missed = len(right - chosen)
    hint = (f"{missed} more of the choices {'is' if missed == 1 else 'are'} right.",) if question.several and missed else ()
    return Mark(max(0.0, (len(chosen & right) - len(wrong)) / len(right)), wrong + hint)
