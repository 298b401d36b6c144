"""You keep the largest gradient of late, as Adamax does: average the squares, and take the root."""

import torch


@torch.no_grad()
def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if not state:
        state.update(step=0, exp_avg=torch.zeros_like(parameter), exp_avg_sq=torch.zeros_like(parameter))
    state["step"] += 1
    state["exp_avg"].mul_(betas[0]).add_(grad, alpha=1 - betas[0])
    state["exp_avg_sq"].copy_(torch.maximum(betas[1] * state["exp_avg_sq"], grad.abs()))
    first = state["exp_avg"] / (1 - betas[0] ** state["step"])
    parameter.mul_(1 - lr * weight_decay)
    parameter.sub_(lr * first / (state["exp_avg_sq"] + eps))
