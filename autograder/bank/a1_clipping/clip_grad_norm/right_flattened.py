"""One long vector, and its norm as a tensor."""

import torch


def clip_grad_norm(parameters, max_norm):
    parameters = list(parameters)
    flat = [p.grad.reshape(-1) for p in parameters if p.grad is not None]
    if not flat:
        return 0.0
    norm = torch.cat(flat).norm(2)
    if norm > max_norm:
        scale = max_norm / norm
        for p in parameters:
            if p.grad is not None:
                p.grad *= scale
    return norm
