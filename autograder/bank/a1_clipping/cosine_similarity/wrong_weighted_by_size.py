"""You average the tensors' own cosines, weighted by their number of elements: a large tensor of tiny numbers then counts most.
Sum the products over all tensors before dividing."""

import torch


def cosine_similarity(grads_a, grads_b):
    cosines = [torch.cosine_similarity(a.flatten(), b.flatten(), dim=0).item() * a.numel() for a, b in zip(grads_a, grads_b)]
    return sum(cosines) / sum(a.numel() for a in grads_a)
