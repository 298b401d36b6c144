"""You give a parameter without a gradient a gradient of zeros: an optimizer with weight decay or momentum then moves it. Leave
None as it is."""

import torch


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
        p.grad.clamp_(-clip_value, clip_value)
