"""What stops a batch: Ctrl-C, a full disk, a locked gradebook. It is no student's fault, so it marks nobody."""

from __future__ import annotations

import contextlib
import errno
import signal
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
        raise Stopped(f"{why}. What is graded so far is kept, and the same command goes on from there") from None


def _is_full(folder: Path) -> bool:
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 20))
    except OSError as error:
        return error.errno in _FULL
    return False


class TooSlow(BaseException):
    """A step took longer than it may. No ``Exception``: those are caught on the way, in nbgrader and below."""


@contextlib.contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Bounds the time of a step in pure Python. Without effect outside the main thread, and on Windows.

    Raises:
        TooSlow: if it took longer, whatever the step made of that.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return
    expired = False

    def expire(*about: object) -> None:
        nonlocal expired
        expired = True
        raise TooSlow

    before = signal.signal(signal.SIGALRM, expire)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)  # and every second from then on, should somebody have caught it
    try:
        yield
    except BaseException:
        if not expired:
            raise
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if expired:
        raise TooSlow


class CtrlC:
    """Ctrl-C, heard where it does no harm: in the middle of a step it is noted, and raised behind it; pressed again, at once.
    nbgrader takes a KeyboardInterrupt for a student's error."""

    def __init__(self) -> None:
        self._pressed = 0
        self._waiting = False

    def __enter__(self) -> CtrlC:
        self._before = None
        # elsewhere than in the main thread nobody is told; and where it is to be ignored (nohup) it stays so
        if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            self._before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _press(self, *about: object) -> None:
        self._pressed += 1
        if self._waiting or self._pressed > 1:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """For the time of a step that may be left anywhere.

        Raises:
            KeyboardInterrupt: if it was, or is now, pressed.
        """
        self._waiting = True
        try:
            self.check()
            yield
        finally:
            self._waiting = False

    def check(self) -> None:
        """Between two steps.

        Raises:
            KeyboardInterrupt: if it was pressed since.
        """
        if self._pressed:
            raise KeyboardInterrupt


def deaf() -> None:
    """Keeps Ctrl-C from the processes that this thread starts: a terminal sends it to all of them, and a submission whose process
    it ended would be marked for it."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


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
