"""You clip each tensor by its own norm: the norm to compare with max_norm is one number over all parameters, and so is the
factor."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    for g in grads:
        if g.norm() > max_norm:
            g.mul_(max_norm / g.norm())
    return sum(float((g**2).sum()) for g in grads) ** 0.5
