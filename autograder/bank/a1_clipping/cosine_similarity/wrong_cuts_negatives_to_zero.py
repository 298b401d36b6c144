"""You cut a negative cosine to 0: opposite directions have cosine -1."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return max(0.0, (a @ b / (a.norm() * b.norm())).item())
