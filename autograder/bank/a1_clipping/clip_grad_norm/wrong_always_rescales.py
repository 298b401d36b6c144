"""You rescale every gradient to max_norm: one whose norm is already within the limit must stay untouched."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    for g in grads:
        g.mul_(max_norm / total if total > 0 else 1.0)
    return total
