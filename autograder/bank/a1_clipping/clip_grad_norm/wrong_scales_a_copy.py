"""You compute the scaled gradients and throw them away: g = g * factor makes a new tensor and leaves .grad as it was."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5

    if total > max_norm:
        for g in grads:
            g = g * (max_norm / total)
    return total
