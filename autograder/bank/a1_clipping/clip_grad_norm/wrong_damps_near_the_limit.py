"""You begin to scale below the limit: gradients whose norm is within max_norm stay exactly as they are."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > 0.9 * max_norm:
        for g in grads:
            g.mul_(0.9 * max_norm / total)
    return total
