"""You cut each element at max_norm: that is value clipping, which bends the direction. Multiply all elements by one factor
instead."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    if total > max_norm:
        for g in grads:
            g.clamp_(-max_norm, max_norm)
    return total
