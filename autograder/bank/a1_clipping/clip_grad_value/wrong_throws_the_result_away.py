"""clamp without an underscore returns a new tensor, and you throw it away: use clamp_."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp(-clip_value, clip_value)
