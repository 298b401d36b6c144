"""You stop at the first parameter without a gradient: skip that one (continue) and go on with the others."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is None:
            return
        p.grad.clamp_(-clip_value, clip_value)
