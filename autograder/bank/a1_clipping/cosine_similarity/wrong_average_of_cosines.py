"""You average the tensors' own cosines: a tiny tensor then counts as much as a huge one. Sum the products over all tensors before
dividing."""

import torch


def cosine_similarity(grads_a, grads_b):
    pairs = [torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) for a, b in zip(grads_a, grads_b)]
    return (sum(pairs) / len(pairs)).item()
