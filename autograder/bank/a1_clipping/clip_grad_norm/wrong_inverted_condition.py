"""Your comparison is the wrong way round: you rescale gradients below the limit and leave those above it."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    if total < max_norm and total > 0:
        for g in grads:
            g.mul_(max_norm / total)
    return total
