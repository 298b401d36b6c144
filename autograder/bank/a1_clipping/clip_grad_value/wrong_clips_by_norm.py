"""You clip by norm: value clipping looks at each element on its own."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None and p.grad.norm() > clip_value:
            p.grad.mul_(clip_value / p.grad.norm())
