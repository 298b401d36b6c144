"""Starts a worker in a fresh process and talks to it with deadlines. The trusted side."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

LOAD_SECONDS = 90.0
ASK_SECONDS = 20.0
LARGEST_ANSWER = 8 << 20


class WorkerDied(Exception):
    """The worker ended, ran out of time or broke the protocol; the message says which, in words for a learner."""


class Worker:
    """A process that holds one submission. Use it as a context manager: leaving it ends the process and all it started.

    Args:
        load_seconds: how long the cells may take, PyTorch's import included.
        ask_seconds: how long one probe may take.
    """

    def __init__(self, load_seconds: float = LOAD_SECONDS, ask_seconds: float = ASK_SECONDS):
        self.load_seconds, self.ask_seconds = load_seconds, ask_seconds
        self._folder = tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True)
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": self._folder.name,
            "OMP_NUM_THREADS": "1",
            "STABILITYLAB_WORK": self._folder.name,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-u", "-m", "autograder.worker"],
            cwd=self._folder.name,
            env=environment,
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin and self._process.stdout
        self._requests, self._answers = self._process.stdin, self._process.stdout
        self._buffer = b""

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def load(self, cells: Sequence[str]) -> None:
        """Runs cells in a new namespace; a cell that raises does not keep the others from running.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        self._exchange({"load": {"cells": list(cells)}}, self.load_seconds)

    def ask(self, assignment: str, question: str, probe: str, seed: int) -> dict[str, Any]:
        """Runs one probe; see ``stabilitylab.exercises.ask`` for what comes back.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        return self._answer({"ask": {"assignment": assignment, "question": question, "probe": probe, "seed": seed}})

    def settle(self, assignment: str, question: str, probe: str, seed: int, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Turns an answer into what is compared; see ``stabilitylab.exercises.settle``. Only for a worker that was given no learner's code.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        about = {"assignment": assignment, "question": question, "probe": probe, "seed": seed, "answer": answer}
        return self._answer({"settle": about})

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self._exchange(request, self.ask_seconds)
        if "value" not in answer and not isinstance(answer.get("error"), str):
            raise WorkerDied("it did not return an answer")
        return answer

    def close(self) -> None:
        """Ends the process and everything in its process group."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with contextlib.suppress(OSError):
                pipe.close()
        self._folder.cleanup()

    def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        try:
            self._requests.write((json.dumps(request) + "\n").encode())
            self._requests.flush()
        except OSError:
            raise WorkerDied("it ended the process") from None
        deadline = time.monotonic() + seconds
        while b"\n" not in self._buffer:
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise WorkerDied(f"it took longer than {seconds:g} seconds")
            if not select.select([self._answers], [], [], remaining)[0]:
                continue
            chunk = os.read(self._answers.fileno(), 1 << 16)
            if not chunk:
                raise WorkerDied("it ended the process")
            self._buffer += chunk
            if len(self._buffer) > LARGEST_ANSWER:
                raise WorkerDied("its answer is too large")
        line, self._buffer = self._buffer.split(b"\n", 1)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise WorkerDied("it did not return an answer") from None
        if not isinstance(answer, dict):
            raise WorkerDied("it did not return an answer")
        return answer
