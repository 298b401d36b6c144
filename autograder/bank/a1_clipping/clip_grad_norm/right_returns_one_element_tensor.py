"""The norm as a tensor of shape (1,), in double precision."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = torch.zeros(1, dtype=torch.float64)
    for g in grads:
        total += g.double().pow(2).sum()
    total = total.sqrt()
    if total.item() > max_norm:
        for g in grads:
            g.copy_(g * (max_norm / total.item()))
    return total
