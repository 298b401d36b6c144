"""Multiplies always, by a factor that is never above 1, with the usual tiny constant against division by zero."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = torch.sqrt(sum((torch.sum(g * g) for g in grads), torch.tensor(0.0)))
    factor = torch.clamp(max_norm / (total + 1e-6), max=1.0)
    for g in grads:
        g.mul_(factor)
    return total
