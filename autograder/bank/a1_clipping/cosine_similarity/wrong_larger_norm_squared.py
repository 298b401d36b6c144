"""You divide by the square of the longer vector's norm: divide by the product of both norms."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return (a @ b / max(a.norm(), b.norm()) ** 2).item()
