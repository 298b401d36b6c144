"""You put a new tensor in .grad: change the existing one in place (mul_), or whoever else holds it still sees the unclipped
values."""


def clip_grad_norm(parameters, max_norm):
    parameters = [p for p in parameters if p.grad is not None]
    total = sum(float((p.grad**2).sum()) for p in parameters) ** 0.5
    if total > max_norm:
        for p in parameters:
            p.grad = p.grad * (max_norm / total)
    return total
