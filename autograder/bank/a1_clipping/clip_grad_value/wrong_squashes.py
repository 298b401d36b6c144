"""You squash with tanh, which bends elements within the limit too: cut off at the limit, and leave the others as they are."""

import torch


def clip_grad_value(parameters, clip_value):
    for p in parameters:
        if p.grad is not None:
            p.grad.copy_(clip_value * torch.tanh(p.grad / clip_value))
