"""You stop at the first parameter without a gradient: skip that one (continue) and go on with the others."""


def clip_grad_norm(parameters, max_norm):
    grads = []
    for p in parameters:
        if p.grad is None:
            break
        grads.append(p.grad)
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
