"""You clamp only tensors whose largest element is above the limit, and look at no sign but plus: one that is too far out on the
negative side alone stays as it was."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None and p.grad.max() > clip_value:
            p.grad.clamp_(-clip_value, clip_value)
