"""Prints without end on both streams."""

import sys


def clip_grad_norm(parameters, max_norm):
    for _ in range(200):
        print("x" * 10**6)
        sys.stderr.write("x" * 10**6)
    return 0.0
