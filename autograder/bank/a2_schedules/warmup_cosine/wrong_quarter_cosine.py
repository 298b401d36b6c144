"""You use a quarter of the cosine, cos(pi / 2 * progress), which falls steepest at the end: half a cosine is slow, fast, slow."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + (base_lr - min_lr) * math.cos(math.pi / 2 * progress)
