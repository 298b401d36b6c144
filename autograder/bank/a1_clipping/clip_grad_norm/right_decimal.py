"""Adds up decimals, and returns one."""

from decimal import Decimal


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum((Decimal(x) ** 2 for g in grads for x in g.flatten().tolist()), Decimal(0)).sqrt()
    if total > Decimal(max_norm):
        for g in grads:
            g.mul_(float(Decimal(max_norm) / total))
    return total
