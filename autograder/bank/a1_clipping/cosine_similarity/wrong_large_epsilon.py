"""You add 1 to the denominator against a division by 0: that pulls the cosine of short vectors towards 0. If you add anything,
make it as small as 1e-12."""

import torch


def cosine_similarity(grads_a, grads_b):
    a, b = (torch.cat([g.flatten() for g in grads]) for grads in (grads_a, grads_b))
    return (a @ b / (a.norm() * b.norm() + 1.0)).item()
