"""The library's cosine on the concatenated tensors."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return torch.nn.functional.cosine_similarity(a, b, dim=0)
