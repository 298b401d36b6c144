"""You subtract the mean from each vector, which gives the correlation: the cosine takes the vectors as they are."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    a, b = a - a.mean(), b - b.mean()
    return (a @ b / (a.norm() * b.norm())).item()
