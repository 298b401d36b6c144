"""You clip the weights: clipping acts on their gradients, .grad."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        p.data.clamp_(-clip_value, clip_value)
