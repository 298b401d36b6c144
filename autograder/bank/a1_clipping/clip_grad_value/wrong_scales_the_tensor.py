"""You scale whole tensors until their largest element fits: value clipping cuts each element on its own and leaves the others."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None and p.grad.abs().max() > clip_value:
            p.grad.mul_(clip_value / p.grad.abs().max())
