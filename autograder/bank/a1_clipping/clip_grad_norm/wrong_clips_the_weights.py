"""You measure and rescale the weights: clipping acts on their gradients, .grad."""


def clip_grad_norm(parameters, max_norm):
    weights = [p.data for p in parameters]
    total = sum(float((w**2).sum()) for w in weights) ** 0.5
    if total > max_norm:
        for w in weights:
            w.mul_(max_norm / total)
    return total
