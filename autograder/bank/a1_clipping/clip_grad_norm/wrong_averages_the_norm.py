"""You clip by a running average of the norm, so that a spike gets through and the gradients after it are cut too much: the norm
of this call alone decides."""

AVERAGE = []


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    AVERAGE[:] = [0.9 * AVERAGE[0] + 0.1 * total if AVERAGE else total]
    if AVERAGE[0] > max_norm:
        for g in grads:
            g.mul_(max_norm / AVERAGE[0])
    return total
