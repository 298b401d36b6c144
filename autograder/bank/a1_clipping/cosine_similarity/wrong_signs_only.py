"""You compare the signs of the elements and leave their sizes out: large elements must count for more."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten().sign() for g in grads]) for grads in (grads_a, grads_b))
    return (a @ b / (a.norm() * b.norm())).item()
