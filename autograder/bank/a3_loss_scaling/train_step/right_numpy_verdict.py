"""Clips through NumPy, and returns a NumPy bool."""

import numpy as np


def train_step(loss, parameters, optimizer, scaler, max_norm):
    parameters = [p for p in parameters]
    optimizer.zero_grad(set_to_none=True)
    scaler.scale(loss).backward()
    found_inf = scaler.unscale_(parameters)
    if not found_inf:
        grads = [p.grad for p in parameters if p.grad is not None]
        norm = np.sqrt(np.sum([np.square(g.numpy()).sum() for g in grads]))
        for g in grads:
            g.mul_(float(np.minimum(1.0, max_norm / norm)))
        optimizer.step()
    scaler.update(found_inf)
    return np.logical_not(found_inf)
