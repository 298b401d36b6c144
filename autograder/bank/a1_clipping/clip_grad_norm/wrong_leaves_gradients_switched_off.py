"""clip_grad_norm leaves a setting of PyTorch changed that all code shares: put back what you set."""

import torch


def clip_grad_norm(parameters, max_norm):
    torch.set_grad_enabled(False)
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
