"""From a learner's cells to marks: questions asked in a worker, answers compared here, outside the learner's process."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import bank
from autograder.reference import QuizKey
from autograder.sandbox import Worker, WorkerDied
from stabilitylab import exercises

REFERENCES = Path(__file__).parent / "reference"
FATAL_FAILURES = 3  # after so many dead workers the rest of a submission is not tried


@dataclass(frozen=True)
class Mark:
    """How one question went: the share of its points, and what to tell the learner."""

    share: float
    feedback: tuple[str, ...]


Answers = dict[str, dict[str, dict[str, Any]]]
"""grade_id -> probe name -> raw answer, as ``exercises.ask`` returns it."""


def collect(assignment: str, cells: Sequence[str], seed: int) -> Answers:
    """Runs a learner's cells and asks every probe; a worker that dies costs the rest of that question, not the others.

    Args:
        assignment: such as ``"a1_clipping"``.
        cells: the learner's code cells, in order.
        seed: secret seed of the probes.
    """
    collected: Answers = {}
    worker: Worker | None = None
    deaths: list[str] = []
    try:
        for grade_id, question in exercises.questions(assignment).items():
            collected[grade_id] = {}
            died: str | None = deaths[-1] if len(deaths) >= FATAL_FAILURES else None
            for probe in question.probes:
                if died is None:
                    try:
                        if worker is None:
                            worker = Worker()
                            worker.load(cells)
                        collected[grade_id][probe.name] = worker.ask(assignment, grade_id, probe.name, seed)
                        continue
                    except WorkerDied as error:
                        died = str(error)
                        deaths.append(died)
                        if worker is not None:
                            worker.close()
                        worker = None
                collected[grade_id][probe.name] = {"died": died}
    finally:
        if worker is not None:
            worker.close()
    questions = exercises.questions(assignment)
    if any(probe.settle for question in questions.values() for probe in question.probes):
        with Worker() as trusted:
            for grade_id, answers in collected.items():
                for probe in questions[grade_id].probes:
                    answers[probe.name] = settled(trusted, assignment, grade_id, probe, seed, answers[probe.name])
    return collected


def settled(
    worker: Worker, assignment: str, grade_id: str, probe: exercises.Probe, seed: int, answer: dict[str, Any]
) -> dict[str, Any]:
    """What is compared of a raw answer, worked out in a worker that was given no learner's code."""
    if probe.settle is None or "value" not in answer:
        return answer
    return worker.settle(assignment, grade_id, probe.name, seed, answer)


def expected_answers(assignment: str, seed: int) -> dict[str, dict[str, Any]]:
    """What the reference, and every known wrong answer, return for a seed: grade_id -> the form ``exercises.mark`` takes.

    Raises:
        RuntimeError: if the reference itself fails.
    """
    reference = (REFERENCES / f"{assignment}.py").read_text(encoding="utf-8")
    expected: dict[str, dict[str, Any]] = {}
    with Worker() as worker:  # our own code: one process serves it all

        def answers(grade_id: str, *sources: str) -> dict[str, Any]:
            worker.load(sources)
            asked = {
                probe.name: settled(worker, assignment, grade_id, probe, seed, worker.ask(assignment, grade_id, probe.name, seed))
                for probe in exercises.questions(assignment)[grade_id].probes
            }
            return {name: {k: v for k, v in answer.items() if k != "message"} for name, answer in asked.items()}

        for grade_id, question in exercises.questions(assignment).items():
            if question.options:
                continue
            right = answers(grade_id, reference)
            failed = [name for name, answer in right.items() if "value" not in answer]
            if failed:
                raise RuntimeError(f"the reference of {assignment} fails probe {failed[0]} of {grade_id}: {right[failed[0]]}")
            known = [answer for answer in bank.answers(assignment) if answer.question == grade_id and not answer.right]
            wrong = [{"sentence": answer.sentence, "given": answers(grade_id, reference, answer.source)} for answer in known]
            expected[grade_id] = {"right": right, "wrong": wrong}
    return expected


def judge(assignment: str, collected: Answers, expected: Mapping[str, Any]) -> dict[str, Mark]:
    """Marks every question of a submission: grade_id -> mark."""
    keys: Mapping[str, QuizKey] = importlib.import_module(f"autograder.reference.{assignment}").QUIZ
    marks = {}
    for grade_id, question in exercises.questions(assignment).items():
        if question.options:
            (answer,) = collected[grade_id].values()
            marks[grade_id] = _mark_choice(question, keys[grade_id], answer.get("value"))
        else:
            share, sentences = exercises.mark(question, collected[grade_id], expected[grade_id])
            marks[grade_id] = Mark(share, tuple(sentences))
    return marks


def _mark_choice(question: exercises.Question, key: QuizKey, choice: Any) -> Mark:
    if not isinstance(choice, str) or choice not in question.options:
        return Mark(0.0, (f"{question.target} was not set to one of {', '.join(question.options)}.",))
    return Mark(1.0, ()) if choice == key.right else Mark(0.0, (key.wrong[choice],))
