"""You use a limit of 1 if clip_value is larger: clip_value may be any positive number."""


def clip_grad_value(parameters, clip_value):
    limit = min(clip_value, 1.0)
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-limit, limit)
