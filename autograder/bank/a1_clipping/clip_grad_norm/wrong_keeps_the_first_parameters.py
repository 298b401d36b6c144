"""You keep the parameters of the first call and clip those ever after: use the ones you are given."""

KEPT = []


def clip_grad_norm(parameters, max_norm):
    if not KEPT:
        KEPT.extend(parameters)
    grads = [p.grad for p in KEPT if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
