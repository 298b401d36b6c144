"""With NumPy, and a NumPy number for the norm."""

import numpy as np


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = np.sqrt(np.float64(sum(float((g * g).sum()) for g in grads)))
    if norm > max_norm:
        for g in grads:
            g.mul_(float(max_norm / norm))
    return norm
