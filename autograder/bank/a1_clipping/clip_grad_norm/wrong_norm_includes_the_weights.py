"""You count the weights into the norm: it is that of the gradients alone."""


def clip_grad_norm(parameters, max_norm):
    parameters = [p for p in parameters if p.grad is not None]
    total = sum(float((p.grad**2).sum() + (p.detach() ** 2).sum()) for p in parameters) ** 0.5
    if total > max_norm:
        for p in parameters:
            p.grad.mul_(max_norm / total)
    return total
