"""You scale to a little less than max_norm, to be on the safe side: the clipped gradient has length max_norm."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(0.99 * max_norm / total)
    return total
