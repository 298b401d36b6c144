"""You use a limit of 10 if max_norm is larger: max_norm may be any positive number."""


def clip_grad_norm(parameters, max_norm):
    max_norm = min(max_norm, 10.0)
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
