"""You divide by the norm even when it is 0: 0 / 0 is NaN, and it fills every gradient. Rescale only above the limit."""

import torch


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    factor = torch.tensor(max_norm) / torch.tensor(total)
    factor = torch.where(factor > 1, torch.ones(()), factor)
    for g in grads:
        g.mul_(factor * torch.tensor(total) / torch.tensor(total))
    return total
