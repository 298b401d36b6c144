"""You keep the clip_value of the first call: it may be another one at the next."""

LIMIT = []


def clip_grad_value(parameters, clip_value):
    if not LIMIT:
        LIMIT.append(clip_value)
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-LIMIT[0], LIMIT[0])
