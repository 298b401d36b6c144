"""You seed the random generators by the way: that changes every number that is drawn afterwards. Clipping draws nothing."""

import torch


def clip_grad_norm(parameters, max_norm):
    torch.manual_seed(0)
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
