"""Ctrl-C and time limits, whatever the step makes of them."""

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder import interrupting


def press():
    signal.raise_signal(signal.SIGINT)


def test_ctrl_c_in_a_step_is_raised_behind_it():
    with interrupting.CtrlC() as ctrl_c:
        press()
        with pytest.raises(KeyboardInterrupt):
            ctrl_c.check()


def test_ctrl_c_while_waiting_is_raised_at_once_and_a_second_one_always():
    with interrupting.CtrlC() as ctrl_c, pytest.raises(KeyboardInterrupt), ctrl_c.waiting():
        press()
        pytest.fail("waits on")
    with interrupting.CtrlC():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_who_pressed_before_does_not_wait():
    with interrupting.CtrlC() as ctrl_c:
        press()
        with pytest.raises(KeyboardInterrupt), ctrl_c.waiting():
            pytest.fail("waits")


@pytest.mark.parametrize("before", [signal.default_int_handler, signal.SIG_IGN])
def test_ctrl_c_is_afterwards_what_it_was(before, monkeypatch):
    ours = signal.signal(signal.SIGINT, before)
    try:
        with interrupting.CtrlC() as ctrl_c:
            if before is signal.SIG_IGN:  # as under nohup
                press()
                ctrl_c.check()
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, ours)


def test_a_step_that_takes_too_long_is_left_whatever_catches_it():
    with pytest.raises(interrupting.TooSlow), interrupting.limited(0.01):
        try:
            while True:
                pass
        except BaseException:
            raise ValueError("the step's own") from None
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_step_that_is_quick_enough_ends_as_it_does():
    with interrupting.limited(60):
        pass
    with pytest.raises(ValueError), interrupting.limited(60):
        raise ValueError
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_another_thread_there_is_no_limit_and_no_error():
    done = []

    def step():
        with interrupting.limited(60), interrupting.CtrlC() as ctrl_c:
            ctrl_c.check()
            done.append(signal.getitimer(signal.ITIMER_REAL))

    thread = threading.Thread(target=step)
    thread.start()
    thread.join()
    assert done == [(0.0, 0.0)]


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="needs signals for threads")
def test_ctrl_c_that_reaches_another_thread_ends_the_wait_for_futures():
    over = threading.Event()

    def place():
        frame = sys._current_frames()[threading.main_thread().ident]
        return frame.f_code, frame.f_lasti

    def work():
        # until the main thread stands still in its wait, so that no step of its own hears the signal
        before, still = place(), 0
        while still < 100_000:
            now = place()
            before, still = now, still + 1 if now == before else 0
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        over.wait(20)

    with ThreadPoolExecutor(1) as pool, interrupting.CtrlC() as ctrl_c:
        future = pool.submit(work)
        try:
            with pytest.raises(KeyboardInterrupt), ctrl_c.waiting():
                next(interrupting.as_finished([future]))
            assert not future.done(), "it was waited for all the same"
        finally:
            over.set()


def test_futures_come_as_they_are_done():
    first, second = threading.Event(), threading.Event()
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(first.wait, 20), pool.submit(second.wait, 20)]
        finished = interrupting.as_finished(futures)
        second.set()
        assert next(finished) is futures[1]
        first.set()
        assert next(finished) is futures[0] and list(finished) == []
