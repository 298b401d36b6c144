"""Ends the process in every way there is."""

import os
import sys


def clip_grad_norm(parameters, max_norm):
    os._exit(0)


# %% clip_grad_value_code
def clip_grad_value(parameters, clip_value):
    sys.exit("8")


# %% cosine_similarity_code
def cosine_similarity(a, b):
    raise KeyboardInterrupt
