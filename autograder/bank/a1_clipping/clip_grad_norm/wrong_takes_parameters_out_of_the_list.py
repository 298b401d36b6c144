"""You remove the parameters without a gradient from the list that you were given: it belongs to the caller. Make a list of your
own."""


def clip_grad_norm(parameters, max_norm):
    if not isinstance(parameters, list):
        parameters = list(parameters)
    for p in [p for p in parameters if p.grad is None]:
        del parameters[[id(q) for q in parameters].index(id(p))]
    total = sum(p.grad.square().sum().item() for p in parameters) ** 0.5
    if total > max_norm:
        for p in parameters:
            p.grad.mul_(max_norm / total)
    return total
