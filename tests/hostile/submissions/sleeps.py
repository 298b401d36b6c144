"""Waits instead of answering, and swallows interrupts."""

import time


def clip_grad_norm(parameters, max_norm):
    while True:
        try:
            time.sleep(10**6)
        except BaseException:
            continue
