"""You clamp the weights as well: only .grad may change."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-clip_value, clip_value)
            p.data.clamp_(-clip_value, clip_value)
