"""With the step as a float tensor and its powers in single precision."""

import torch


@torch.no_grad()
def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if "step" not in state:
        state["step"] = torch.zeros(1)
        state["exp_avg"] = torch.zeros(parameter.shape)
        state["exp_avg_sq"] = torch.zeros(parameter.shape)
    state["step"] += 1
    for name, beta, new in (("exp_avg", betas[0], grad), ("exp_avg_sq", betas[1], grad * grad)):
        state[name].copy_(beta * state[name] + (1 - beta) * new)
    m_hat = state["exp_avg"] / (1 - torch.pow(torch.tensor(betas[0]), state["step"]))
    v_hat = state["exp_avg_sq"] / (1 - torch.pow(torch.tensor(betas[1]), state["step"]))
    parameter.mul_(1 - lr * weight_decay)
    parameter.add_(m_hat / (torch.sqrt(v_hat) + eps), alpha=-lr)
