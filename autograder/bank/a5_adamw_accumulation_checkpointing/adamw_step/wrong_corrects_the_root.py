"""You take the root first and divide it by 1 - beta2^t: divide the second moment, and take the root of that."""

import torch


@torch.no_grad()
def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
    state["step"] += 1
    state["exp_avg"].mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    state["exp_avg_sq"].mul_(betas[1]).addcmul_(grad, grad, value=1 - betas[1])
    first = state["exp_avg"] / (1 - betas[0] ** state["step"])
    second = state["exp_avg_sq"].sqrt() / (1 - betas[1] ** state["step"])
    parameter.mul_(1 - lr * weight_decay)
    parameter.sub_(lr * first / (second + eps))
