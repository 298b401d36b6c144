"""You add up the norms of the tensors: add up their squares, over all tensors, and take one root at the end."""


def clip_grad_norm(parameters, max_norm):
    grads = [p.grad for p in parameters if p.grad is not None]
    total = sum(float(g.norm()) for g in grads)
    if total > max_norm:
        for g in grads:
            g.mul_(max_norm / total)
    return total
