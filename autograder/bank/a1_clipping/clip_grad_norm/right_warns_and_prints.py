"""Talks a lot on both streams, and is correct."""

import warnings


def clip_grad_norm(parameters, max_norm):
    warnings.warn("clipping is about to happen")
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    print("the global norm is", total)
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
