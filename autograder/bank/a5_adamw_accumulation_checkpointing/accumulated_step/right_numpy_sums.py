"""Sums and norm are NumPy's, and the walk over the micro-batches is a generator function."""

import numpy as np
import torch


def losses(loss_sum, micro_batches):
    for micro_batch in micro_batches:
        loss, count = loss_sum(micro_batch)
        if count > 0:
            loss.backward()
            yield np.float64(loss.item()), np.int64(count)


def accumulated_step(loss_sum, micro_batches, parameters, optimizer, max_norm):
    parameters = tuple(parameters)
    for p in parameters:
        p.grad = None
    found = np.array(list(losses(loss_sum, micro_batches)), dtype=np.float64).reshape(-1, 2)
    loss, tokens = found.sum(axis=0)
    if tokens == 0:
        return np.float64(0), np.float64(0)
    with torch.no_grad():
        for p in parameters:
            p.grad /= float(tokens)
        norm = np.sqrt(sum(np.square(p.grad.numpy().astype(np.float64)).sum() for p in parameters))
        if norm > max_norm:
            for p in parameters:
                p.grad *= float(max_norm / norm)
    optimizer.step()
    return np.array(loss / tokens), np.array([norm])
