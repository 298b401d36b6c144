"""Submissions judged by the workers of a Dask cluster, each with a sandbox of its own.

A worker is sent what ``asking.collect`` takes: a submission's cells, and what the questions are asked with. The seed goes as far
as the worker's own side of the sandbox, where the partners of probes stand; no learner's process is given it. Marks, the
gradebook and the keys of quizzes stay with the grader.
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any

from autograder import asking, stopping
from autograder.asking import Collected
from autograder.expected import Asked
from autograder.sandbox.host import Code, Sandbox
from stabilitylab.sweeps import clusters

_LOCK = threading.Lock()
_SANDBOXES: list[Sandbox] = []


class Judges:
    """The workers of a cluster.

    Args:
        client: of the cluster.
        asked: what they are to ask.
        warn: told what whoever grades must know of their sandboxes.

    Attributes:
        count: submissions that they judge at once.
    """

    def __init__(self, client: Any, asked: Asked, warn: Callable[[str], None]):
        self._client, self._warn, self._warned = client, warn, set[str]()
        # some kilobytes, sent with every submission: data scattered once is lost with the last worker that still keeps it
        self._asked = Asked(asked.assignment, asked.seed, dict(asked.drawn), dict(asked.right))
        self.count = max(1, sum(client.nthreads().values()))

    def stop(self) -> None:
        """Nobody waits for an answer any longer."""
        self._client.close()

    def collect(self, cells: Sequence[Code], files: Mapping[str, bytes]) -> Collected:
        """See ``asking.collect``.

        Raises:
            Stopped: if the scheduler is gone.
        """
        try:
            with clusters.answering():
                future = self._client.submit(_collect, self._asked, list(cells), dict(files), pure=False, retries=2)
                collected, warning = future.result()
        except clusters.Lost as error:
            raise stopping.Stopped(f"{error}. {stopping.KEPT}") from None
        if warning and warning not in self._warned:
            self._warned.add(warning)
            self._warn(warning)
        return collected


@contextlib.contextmanager
def judges(address: str, asked: Asked, warn: Callable[[str], None]) -> Iterator[Judges]:
    """The workers of the cluster at an address, or of this machine's cores for ``"local"``.

    Raises:
        OSError: if no scheduler answers there.
    """
    with clusters.cluster(address) as client:
        yield Judges(client, asked, warn)


def _collect(asked: Asked, cells: list[Code], files: dict[str, bytes]) -> tuple[Collected, str]:
    """On a worker."""
    sandbox = _sandbox()
    return asking.collect(sandbox, cells, asked, files), sandbox.warning


def _sandbox() -> Sandbox:
    """This process's, started when it is first needed."""
    with _LOCK:
        if not _SANDBOXES:
            # in a thread that never ends, because what a thread starts lives no longer than the thread
            ready: SimpleQueue[Sandbox | Exception] = SimpleQueue()
            threading.Thread(target=_start, args=(ready,), daemon=True).start()
            found = ready.get()
            if isinstance(found, Exception):
                raise found
            _SANDBOXES.append(found)
            atexit.register(found.close)
        return _SANDBOXES[0]


def _start(ready: SimpleQueue[Sandbox | Exception]) -> None:
    try:
        ready.put(Sandbox())
    except Exception as error:
        ready.put(error)
    threading.Event().wait()
