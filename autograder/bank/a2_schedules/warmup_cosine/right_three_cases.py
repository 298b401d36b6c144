"""Three cases, the end first."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step >= total_steps:
        return min_lr
    if step >= warmup_steps:
        angle = math.pi * (step - warmup_steps) / (total_steps - warmup_steps)
        return (base_lr + min_lr) / 2 + (base_lr - min_lr) / 2 * math.cos(angle)
    return step * (base_lr / warmup_steps)
