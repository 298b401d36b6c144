"""You divide by the sums of absolute values: the norms in the cosine are roots of sums of squares."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return (a @ b / (a.abs().sum() * b.abs().sum())).item()
