"""A parameter that took no part in the loss has .grad None: skip it instead of computing with it."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        p.grad.clamp_(-clip_value, clip_value)
