"""You subtract from the gradient's elements: clipping multiplies all of them by one factor, so that only the length changes."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    if total > max_norm:
        for g in grads:
            g.sub_(total - max_norm)
    return total
