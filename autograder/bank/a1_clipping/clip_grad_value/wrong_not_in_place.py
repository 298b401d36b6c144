"""clamp without an underscore makes a new tensor: change the existing .grad in place (clamp_)."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad = p.grad.clamp(-clip_value, clip_value)
