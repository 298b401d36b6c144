"""A parameter that took no part in the loss has .grad None: skip it instead of computing with it."""


def clip_grad_norm(parameters, max_norm):
    parameters = list(parameters)
    total = sum(float((p.grad**2).sum()) for p in parameters) ** 0.5
    if total > max_norm:
        for p in parameters:
            p.grad.mul_(max_norm / total)
    return total
