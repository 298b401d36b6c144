"""Ctrl-C and time limits, whatever the step makes of them."""

import signal
import threading

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
