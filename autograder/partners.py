"""Probes asked of a learner's process, with their partners in another that was given no learner's code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from autograder.sandbox.host import Sandbox, Worker, WorkerDied
from autograder.sandbox.limits import Limits
from stabilitylab.exercises import MALFORMED, Probe


class Partners:
    """Asks probes and has their partners settle the answers. Close it.

    Args:
        sandbox: where the partners' process runs, started when it is first needed.
        assignment: of the questions asked.
        seed: of the probes.
        limits: of the partners' process, default the sandbox's.
    """

    def __init__(self, sandbox: Sandbox, assignment: str, seed: int, limits: Limits | None = None):
        self._sandbox, self._limits = sandbox, limits
        self._assignment, self._seed = assignment, seed
        self._trusted: Worker | None = None

    def ask(self, worker: Worker, grade_id: str, probe: Probe, given: Mapping[str, Any]) -> dict[str, Any]:
        """A probe's answer, settled. One that takes its partner too long is malformed: it may have been made to.

        Args:
            worker: runs the learner's code.
            grade_id: the question.
            probe: one of its probes.
            given: what the probe is given.

        Raises:
            WorkerDied: if the learner's process did.
        """
        if probe.partner is not None:
            self._meet(grade_id, probe)
        answer = worker.ask(self._assignment, grade_id, probe.name, given, self._tell)
        if probe.partner is None and (probe.settle is None or "value" not in answer):
            return answer
        if probe.partner is None:
            self._meet(grade_id, probe)
        if "value" not in answer or self._trusted is None:
            return answer
        try:
            return self._trusted.settle(answer)
        except WorkerDied:
            self.close()
            return {"error": MALFORMED, "message": ""}

    def _meet(self, grade_id: str, probe: Probe) -> None:
        """Calls a probe's partner; a process that has used up its time is replaced by a new one."""
        if self._trusted is not None:
            try:
                return self._trusted.meet(self._assignment, grade_id, probe.name, self._seed)
            except WorkerDied:
                self.close()
        self._trusted = self._sandbox.worker(self._limits)
        self._trusted.meet(self._assignment, grade_id, probe.name, self._seed)

    def _tell(self, message: Any) -> dict[str, Any]:
        if self._trusted is None:
            return {"gone": "nobody is there to be told anything"}
        try:
            return self._trusted.tell(message)
        except WorkerDied as error:
            self.close()
            return {"gone": str(error)}

    def close(self) -> None:
        """Ends the partners' process."""
        if self._trusted is not None:
            self._trusted.close()
            self._trusted = None
