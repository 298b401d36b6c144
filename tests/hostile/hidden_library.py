"""Hides PyTorch's own clipping in a default argument, a reload and a copy."""

import copy
import importlib

import torch
import torch.nn.utils.clip_grad as module

kept = copy.copy(torch.nn.utils.clip_grad_norm_)


def clip_grad_norm(parameters, max_norm, function=torch.nn.utils.clip_grad_norm_):
    return function(list(parameters), max_norm)


# %% clip_grad_value_code
def clip_grad_value(parameters, clip_value):
    importlib.reload(module).clip_grad_value_(list(parameters), clip_value)
