"""You clip each tensor by its own norm: the returned norm is right, but the factor must be one number, from the norm over all
parameters."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    for g in grads:
        if g.norm() > max_norm:
            g.mul_(max_norm / g.norm())
    return total
