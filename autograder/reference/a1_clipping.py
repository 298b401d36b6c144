"""Reference answers of a1_clipping."""

import torch

from stabilitylab import train


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum((g.double().square().sum() for g in grads), torch.zeros((), dtype=torch.float64)).sqrt()
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total.item()


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-clip_value, clip_value)


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.double().flatten() for g in grads]) for grads in (grads_a, grads_b))
    return (a @ b / (a.norm() * b.norm())).item()


def rescue(config):
    return train(config.replace(clip_norm=1.0), clip=clip_grad_norm)
