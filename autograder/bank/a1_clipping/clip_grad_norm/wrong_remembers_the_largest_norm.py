"""You compare with the largest norm seen so far, not with this step's: after one spike every later gradient is scaled down.
Remember nothing between calls."""

LARGEST = [0.0]


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    LARGEST[0] = max(LARGEST[0], total)
    if LARGEST[0] > max_norm:
        for g in grads:
            g.mul_(max_norm / LARGEST[0])
    return total
