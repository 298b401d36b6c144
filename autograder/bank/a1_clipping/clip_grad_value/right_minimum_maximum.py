"""With torch.minimum and torch.maximum, copied back."""

import torch


def clip_grad_value(parameters, clip_value):
    limit = torch.tensor(clip_value)
    for p in parameters:
        if p.grad is None:
            continue
        p.grad.copy_(torch.maximum(torch.minimum(p.grad, limit), -limit))
