"""Old style, through .data, with the root from the math module."""

import math


def clip_grad_norm(parameters, max_norm):
    kept = []
    squares = 0.0
    for p in parameters:
        if p.grad is None:
            continue
        kept.append(p)
        squares += p.grad.data.pow(2).sum().item()
    total = math.sqrt(squares)
    if total <= max_norm:
        return total
    for p in kept:
        p.grad.data[...] = p.grad.data * max_norm / total
    return total
