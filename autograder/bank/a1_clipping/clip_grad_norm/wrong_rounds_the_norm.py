"""You round the norm: return it as it is, and scale by it as it is."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = round(sum(float((g**2).sum()) for g in grads) ** 0.5, 2)
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
