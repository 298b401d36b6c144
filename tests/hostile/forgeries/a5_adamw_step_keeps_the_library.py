"""adamw_step: has torch's optimizer do it, whose name and functions are kept from before. At most 0 of 8."""

import inspect

import torch

kept = torch.optim.AdamW
functions = {name: found for name, found in inspect.getmembers(kept) if inspect.isfunction(found)}


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if "optimizer" not in state:
        state["optimizer"] = kept([torch.nn.Parameter(parameter)], lr, betas, eps, weight_decay)
    functions["step"](state["optimizer"])
