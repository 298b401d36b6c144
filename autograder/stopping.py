"""What stops a batch, such as a full disk or a locked gradebook: it is no student's fault, so it marks nobody."""

from __future__ import annotations

import contextlib
import errno
import sqlite3
import tempfile
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import sqlalchemy.exc

from autograder import gradebook
from autograder.sandbox.host import Sandbox, Worker
from autograder.sandbox.limits import Limits
from stabilitylab import workspace


class Stopped(RuntimeError):
    """The batch cannot go on; says why, and what would do."""


KEPT = "What is graded so far is kept, and the same command goes on from there"

_FULL = {errno.ENOSPC, errno.EDQUOT}
_OF_THE_MACHINE = _FULL | {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENODEV, errno.ESTALE, errno.ENOTDIR, errno.EISDIR),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN),
}
"""Errors of a file, or of starting a process, to which nothing that was handed in can lead."""


def reason(error: BaseException, workdir: Path) -> str:
    """Why an error stops the batch, in a sentence; empty if it does not, as it may come from one submission.

    Args:
        error: what was raised.
        workdir: where the grader writes.
    """
    if isinstance(error, sqlalchemy.exc.DBAPIError | sqlite3.Error):
        return str(gradebook.trouble(workdir / gradebook.NAME, error))
    if isinstance(error, gradebook.Trouble | workspace.NotWritable):
        return str(error)
    if isinstance(error, OSError) and error.errno in _FULL:
        folders = [folder for folder in (workdir, Path(tempfile.gettempdir())) if _is_full(folder)] or [workdir]
        return f"{' and '.join(map(str, folders))} is full ({error.strerror}); make room on that disk, then do the same again"
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return f"{error.filename or 'this machine'} stops the grader ({error.strerror}); mend that, then do the same again"
    return ""


@contextlib.contextmanager
def explained(workdir: Path) -> Iterator[None]:
    """Turns errors that stop the batch into their sentences.

    Raises:
        Stopped: in their place.
    """
    try:
        yield
    except Stopped:
        raise
    except Exception as error:
        why = reason(error, workdir)
        if not why:
            raise
        raise Stopped(f"{why}. {KEPT}") from None


def _is_full(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno in _FULL
    return False


class Stoppable:
    """A sandbox until ``stop``. From then on nobody gets a worker, and those who have one lose it.

    Args:
        sandbox: the one to take workers from.

    Attributes:
        stopped: whether it is.
    """

    def __init__(self, sandbox: Sandbox):
        self._sandbox = sandbox
        self._workers: weakref.WeakSet[Worker] = weakref.WeakSet()
        self._lock = threading.Lock()
        self.stopped = False

    def worker(self, limits: Limits | None = None) -> Worker:
        """See ``Sandbox.worker``.

        Raises:
            Stopped: if it is.
        """
        self.check()
        worker = self._sandbox.worker(limits)
        with self._lock:
            self._workers.add(worker)
        if self.stopped:
            worker.close()
        self.check()
        return worker

    def check(self) -> None:
        """Raises:
        Stopped: if it is.
        """
        if self.stopped:
            raise Stopped

    def stop(self) -> None:
        """Ends all workers; returns when they are gone."""
        self.stopped = True
        with self._lock:
            workers = list(self._workers)
        for worker in workers:
            with contextlib.suppress(Exception):  # who has it may be closing it too
                worker.close()

    @property
    def as_sandbox(self) -> Sandbox:
        """Itself, for those who only take workers."""
        return cast(Sandbox, self)
