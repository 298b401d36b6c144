"""You give a parameter without a gradient a gradient of zeros: an optimizer with weight decay or momentum then moves it. Leave
None as it is."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = []
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        grads.append(p.grad)
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
