"""Writes to address zero."""

import ctypes


def clip_grad_norm(parameters, max_norm):
    ctypes.memset(0, 0, 1)
