"""You scale the weights together with their gradients: only .grad may change, a weight changes when the optimizer steps."""


def clip_grad_norm(parameters, max_norm):
    parameters = [p for p in parameters if p.grad is not None]
    total = sum(p.grad.square().sum().item() for p in parameters) ** 0.5
    if total > max_norm:
        for p in parameters:
            p.grad.mul_(max_norm / total)
            p.data.mul_(max_norm / total)
    return total
