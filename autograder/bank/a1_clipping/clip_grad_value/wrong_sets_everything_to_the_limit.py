"""You give every element the size of the limit (sign times clip_value): smaller ones must stay as they are."""


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.copy_(p.grad.sign() * clip_value)
