"""In the order of PyTorch's own code, with the corrections folded into step size and denominator."""

import math

import torch


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if len(state) == 0:
        state["step"] = torch.tensor(0.0)
        state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
        state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
    state["step"] += 1
    step = state["step"].item()
    data = parameter.data
    data.mul_(1 - lr * weight_decay)
    state["exp_avg"].mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    state["exp_avg_sq"].mul_(betas[1]).addcmul_(grad, grad.conj(), value=1 - betas[1])
    root = math.sqrt(1 - betas[1] ** step)
    denominator = (state["exp_avg_sq"].sqrt() / root).add_(eps)
    data.addcdiv_(state["exp_avg"], denominator, value=-lr / (1 - betas[0] ** step))
    return parameter
