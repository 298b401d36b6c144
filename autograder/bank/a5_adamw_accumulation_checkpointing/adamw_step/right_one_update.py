"""Decay and step in one subtraction, which is the same."""

import torch


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    with torch.no_grad():
        step = state["step"] = state.get("step", 0) + 1
        m = state.setdefault("exp_avg", torch.zeros_like(grad)).lerp_(grad, 1 - betas[0])
        v = state.setdefault("exp_avg_sq", torch.zeros_like(grad)).mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
        update = m / (1 - betas[0] ** step) / ((v / (1 - betas[1] ** step)) ** 0.5 + eps)
        parameter -= lr * (update + weight_decay * parameter)
