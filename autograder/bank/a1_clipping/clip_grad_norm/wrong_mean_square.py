"""You average the squares (a root mean square): the norm sums them, however many elements there are."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    if not grads:
        return 0.0
    total = (sum(float((g**2).sum()) for g in grads) / sum(g.numel() for g in grads)) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
