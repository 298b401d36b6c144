"""You return the squared cosine, which has lost its sign: take it as it is."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return ((a @ b) ** 2 / ((a @ a) * (b @ b))).item()
