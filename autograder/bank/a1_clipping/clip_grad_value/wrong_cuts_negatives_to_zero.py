"""You cut at 0 from below: the range is from -clip_value to clip_value, and small negative elements must stay."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.clamp_(0, clip_value)
