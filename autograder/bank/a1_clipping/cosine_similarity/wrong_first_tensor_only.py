"""You compare the first tensors only: all tensors together are one vector."""

import torch


def cosine_similarity(grads_a, grads_b):
    return torch.cosine_similarity(grads_a[0].flatten(), grads_b[0].flatten(), dim=0).item()
