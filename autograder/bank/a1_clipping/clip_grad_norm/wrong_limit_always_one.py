"""You clip at 1.0 whatever max_norm says."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    if total > 1.0:
        for g in grads:
            g.mul_(1.0 / total)
    return total
