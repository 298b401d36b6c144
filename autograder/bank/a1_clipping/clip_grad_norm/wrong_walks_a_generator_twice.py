"""You walk through parameters twice: a generator such as model.parameters() is empty the second time, so nothing is scaled. Make
a list first."""


def clip_grad_norm(parameters, max_norm):
    total = sum(float((p.grad**2).sum()) for p in parameters if p.grad is not None) ** 0.5
    if total > max_norm:
        for p in parameters:
            if p.grad is not None:
                p.grad.mul_(max_norm / total)
    return total
