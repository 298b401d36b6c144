"""A submission's cells run, and its questions asked: what comes back is judged elsewhere."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autograder.expected import Answers, Asked
from autograder.partners import Partners
from autograder.sandbox.host import Code, Outcome, Sandbox, Worker, WorkerDied
from stabilitylab import exercises
from stabilitylab.exercises import Question

FATAL_FAILURES = 3
"""After so many dead workers the rest of a submission is not tried."""

MOST_DEFINITIONS = 3
"""Of one name, where a notebook defines it several times, that are tried."""

STOPPED = "Stopped"
"""In the place of an exception's name: the process ended in this cell."""


@dataclass
class Collected:
    """What a submission answered, and what became of its cells.

    Attributes:
        answers: grade_id -> answers, settled.
        outcomes: position among the cells that were run -> what came of it; of one that ended the process, ``STOPPED`` and why.
        chosen: target -> position among those cells, where several define it and one had to be chosen.
    """

    answers: dict[str, Answers] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    chosen: dict[str, int] = field(default_factory=dict)


def collect(sandbox: Sandbox, cells: Sequence[Code], expected: Asked, files: Mapping[str, bytes] | None = None) -> Collected:
    """Runs a learner's cells and asks every probe; a worker that dies costs the rest of that question, not the others. A cell
    that it dies of, or that has to be interrupted, is left out from then on.

    Where a notebook defines a function several times, the definition that most probes agree with counts, the last of equals; of
    several answers to a quiz question, the last that is one.

    Args:
        sandbox: where to run them.
        cells: the learner's code cells, in order.
        expected: says what is asked. Nothing of what it expects goes into the sandbox.
        files: what lies beside the notebook.
    """
    with contextlib.closing(_Submission(sandbox, cells, expected, files or {})) as submission:
        for grade_id, question in exercises.questions(expected.assignment).items():
            if question.options:
                submission.choose(grade_id, question)
            else:
                submission.examine(grade_id, question)
        return submission.collected


class _Submission:
    def __init__(self, sandbox: Sandbox, cells: Sequence[Code], expected: Asked, files: Mapping[str, bytes]):
        self.collected = Collected()
        self._sandbox, self._cells, self._expected, self._files = sandbox, cells, expected, files
        self._targets = list(dict.fromkeys(question.target for question in exercises.questions(expected.assignment).values()))
        self._partners = Partners(sandbox, expected.assignment, expected.seed)
        self._worker: Worker | None = None
        self._left_out: set[int] = set()
        self._deaths: list[str] = []
        self._definitions: dict[str, list[int]] = {}  # target -> positions of the cells that define it
        self._in_force: dict[str, int] = {}  # target -> the one of them that was put in force

    def close(self) -> None:
        """Ends all processes."""
        self._partners.close()
        if self._worker is not None:
            self._worker.close()
            self._worker = None

    def examine(self, grade_id: str, question: Question) -> None:
        """Asks a question of the definitions that compete, the last one first, and keeps what the best one answers."""

        def right(answers: Answers) -> int:
            return sum(exercises.agree(answers[p.name], self._expected.right[grade_id][p.name], p) for p in question.probes)

        definitions = self._competing(question.target)
        tried: dict[int | None, Answers] = {}
        for at in definitions:
            tried[at] = self._asked(grade_id, question, at)
            if right(tried[at]) == len(question.probes):
                break
        best = max(tried, key=lambda at: right(tried[at]))
        self.collected.answers[grade_id] = tried[best]
        if best is not None and len(definitions) > 1:
            self.collected.chosen[question.target] = best
            self._in_force[question.target] = best

    def choose(self, grade_id: str, question: Question) -> None:
        """Takes the last answer to a quiz question that is one."""
        (probe,) = question.probes
        for at in self._competing(question.target):
            answers = self._asked(grade_id, question, at)
            self.collected.answers.setdefault(grade_id, answers)
            if exercises.is_answer(question, answers[probe.name].get("value")):
                self.collected.answers[grade_id] = answers
                break

    def _competing(self, target: str) -> list[int | None]:
        """The cells that define a name, the last one first: the learner's own, or else the release's. None if none does."""
        with contextlib.suppress(WorkerDied):
            self._ready()
        found = self._definitions.get(target, [])
        own = [at for at in found if self._cells[at].position is not None]
        return [*reversed((own or found)[-MOST_DEFINITIONS:])] or [None]

    def _asked(self, grade_id: str, question: Question, at: int | None) -> Answers:
        """All answers with the definition of one cell in force; what is left to ask when the process dies has died too."""
        answers: Answers = {}
        try:
            worker = self._ready()
            if at is not None and at in self._definitions[question.target]:
                worker.use(question.target, self._definitions[question.target].index(at))
            with worker.question(self._expected.assignment, grade_id):
                for probe in question.probes:
                    given = self._expected.drawn[grade_id][probe.name]
                    answers[probe.name] = self._partners.ask(worker, grade_id, probe, given)
        except WorkerDied as error:
            self._deaths.append(str(error))
            if self._worker is not None:
                self._worker.close()
                self._worker = None
            answers |= {probe.name: {"died": str(error)} for probe in question.probes if probe.name not in answers}
        return answers

    def _ready(self) -> Worker:
        """A worker in which the cells have run.

        Raises:
            WorkerDied: if none gets that far.
        """
        while self._worker is None:
            if len(self._deaths) >= FATAL_FAILURES:
                raise WorkerDied(self._deaths[-1])
            self._worker = self._sandbox.worker()
            running = [at for at in range(len(self._cells)) if at not in self._left_out]
            try:
                outcomes = self._worker.load([self._cells[at] for at in running], self._targets, self._files)
            except WorkerDied as error:
                self._worker.close()
                self._worker = None
                self._deaths.append(str(error))
                if error.cell is not None:
                    self._left_out.add(running[error.cell])
                    self.collected.outcomes[running[error.cell]] = Outcome(STOPPED, str(error))
                continue
            self._definitions = {name: [] for name in self._targets}
            for at, outcome in zip(running, outcomes, strict=True):
                self.collected.outcomes[at] = outcome
                if outcome.error == "TookTooLong":
                    self._left_out.add(at)
                for name in outcome.defines:
                    self._definitions[name].append(at)
            for name, at in self._in_force.items():
                if at in self._definitions[name]:
                    self._worker.use(name, self._definitions[name].index(at))
        return self._worker
