"""Your norm is that of the last tensor alone: `total = ...` inside the loop overwrites what the earlier tensors added."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = 0.0
    for g in grads:
        total = float((g**2).sum()) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
