"""The grader on trial: every answer of the bank, judged as a submission would be."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from autograder import bank
from autograder.bank import Answer
from autograder.expected import Expected
from autograder.judge import Mark
from autograder.sandbox.host import Sandbox
from stabilitylab import exercises


@dataclass(frozen=True)
class Verdict:
    """How the grader did on one answer.

    Attributes:
        answer: from the bank.
        mark: what it got.
        caught_by: the probes it fails.
        problem: what the grader did wrong, None if nothing.
    """

    answer: Answer
    mark: Mark
    caught_by: tuple[str, ...]
    problem: str | None


@dataclass(frozen=True)
class Trial:
    """All verdicts of an assignment, the names of each question's probes, and every problem found, in sentences."""

    verdicts: tuple[Verdict, ...]
    probes: Mapping[str, tuple[str, ...]]
    problems: tuple[str, ...]


def try_bank(assignment: str) -> Trial:
    """Judges every answer of an assignment's bank, on a fresh seed.

    A wrong answer must lose points on its question and be told its own sentence first, unless it cannot be told from another one;
    a right one must lose none, every probe must catch something and have another right answer on another seed, so that none can
    be recited, and code that does nothing must earn 0.

    Raises:
        ValueError: if the assignment has no bank.
    """
    if assignment not in bank.assignments():
        raise ValueError(f"NAME is {assignment!r}; the assignments with a bank are {', '.join(bank.assignments())}")
    questions = exercises.questions(assignment)
    with Sandbox() as sandbox, ThreadPoolExecutor(os.cpu_count()) as pool:
        expected, *others = (Expected(sandbox, assignment, secrets.randbits(128)) for _ in range(3))
        verdicts = [
            verdict for found in pool.map(lambda grade_id: _judge(expected, grade_id), expected.right) for verdict in found
        ]
    problems = [f"{v.answer.question}/{v.answer.name}: {v.problem}" for v in verdicts if v.problem]
    probes = {grade_id: tuple(probe.name for probe in questions[grade_id].probes) for grade_id in expected.right}
    for grade_id, names in probes.items():
        caught_here = {name for v in verdicts if v.answer.question == grade_id and not v.answer.right for name in v.caught_by}
        problems += [f"{grade_id}: probe {name} catches nothing in the bank" for name in names if name not in caught_here]
        problems += [
            f"{grade_id}: probe {probe.name} has the same right answer on every seed: it could be recited"
            for probe in questions[grade_id].probes
            if probe.settle is None
            and probe.partner is None
            and all(
                exercises.agree(expected.right[grade_id][probe.name], other.right[grade_id][probe.name], probe)
                for other in others
            )
        ]
    return Trial(tuple(verdicts), probes, tuple(problems))


def _judge(expected: Expected, grade_id: str) -> list[Verdict]:
    """One question's answers, wrong ones first."""
    question = exercises.questions(expected.assignment)[grade_id]
    known = expected.of(grade_id)
    answers = [answer for answer in bank.answers(expected.assignment) if answer.question == grade_id]
    given = [wrong["given"] for wrong in known["wrong"]]
    with expected.trusted() as worker:
        given += [expected.given(worker, grade_id, answer.source) for answer in answers if answer.right]
    verdicts = []
    for answer, answers_given in zip(answers, given, strict=True):
        share, sentences = exercises.mark(question, answers_given, known)
        caught = tuple(p.name for p in question.probes if not exercises.agree(answers_given[p.name], known["right"][p.name], p))
        # on this seed it may give what another one gives: then neither can be named
        twins = any(
            wrong["sentence"] != answer.sentence
            and all(exercises.agree(answers_given[p.name], wrong["given"][p.name], p, nan_is_nan=True) for p in question.probes)
            for wrong in known["wrong"]
        )
        problem = _problem(answer, share, sentences, twins)
        verdicts.append(Verdict(answer, Mark(share, tuple(sentences)), caught, problem))
    return verdicts


def _problem(answer: Answer, share: float, sentences: list[str], twins: bool) -> str | None:
    if answer.right:
        return None if share == 1 else f"is right and lost points: {sentences[0]}"
    if share == 1:
        return "is wrong and got full marks"
    if "does_nothing" in answer.name and share > 0:
        return f"does nothing and earned {share:.0%}"
    if twins or sentences[0] == answer.sentence:
        return None
    return f"is told {sentences[0]!r} instead of its own sentence"
