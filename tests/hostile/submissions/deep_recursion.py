"""Recurses until the stack is gone, with the recursion limit lifted."""

import sys

sys.setrecursionlimit(10**9)


def clip_grad_norm(parameters, max_norm):
    return clip_grad_norm(parameters, max_norm)


# %% clip_grad_value_code
def clip_grad_value(parameters, clip_value):
    return repr(eval("[" * 90)) if False else clip_grad_value(parameters, clip_value)
