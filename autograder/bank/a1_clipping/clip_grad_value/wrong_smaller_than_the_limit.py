"""You cut at nine tenths of the limit: an element that is too far out ends at the limit itself, and one just below it stays."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(-0.9 * clip_value, 0.9 * clip_value)
