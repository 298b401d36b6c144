"""A function that never returns, and ignores every signal it can."""

import signal

for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        continue


def clip_grad_norm(parameters, max_norm):
    while True:
        pass
