"""You leave out parameters with one dimension, as one does for weight decay: the global norm counts every gradient, biases
too."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None and p.dim() > 1]
    total = sum(float((g**2).sum()) for g in grads) ** 0.5
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
