"""You take the norm of the largest tensor: the global norm runs over all tensors together."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = max((float(g.norm()) for g in grads), default=0.0)
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
