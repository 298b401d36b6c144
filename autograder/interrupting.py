"""Ctrl-C, and steps that take too long, where nbgrader catches whatever is raised."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import Future
from queue import Empty, SimpleQueue
from typing import TypeVar

Result = TypeVar("Result")
LISTEN_SECONDS = 0.5
"""How long somebody who waits may be deaf to Ctrl-C."""


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


def as_finished(futures: Collection[Future[Result]]) -> Iterator[Future[Result]]:
    """Futures, each as soon as it is done. As ``concurrent.futures.as_completed``, but Ctrl-C always ends the wait: a signal that
    arrives on the way into a wait without a time limit, or in another thread, is not heard before that wait is over."""
    finished: SimpleQueue[Future[Result]] = SimpleQueue()
    for future in futures:
        future.add_done_callback(finished.put)
    for _ in futures:
        found = None
        while found is None:
            with contextlib.suppress(Empty):
                found = finished.get(timeout=LISTEN_SECONDS)
        yield found


def deaf() -> None:
    """Keeps Ctrl-C from the processes that this thread starts: a terminal sends it to all of them, and a submission whose process
    it ended would be marked for it."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
