"""You sum absolute values, the L1 norm: clipping by global norm uses the L2 norm, the root of the sum of squares."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float(g.abs().sum()) for g in grads)
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
