"""You round the rate to six digits after the point: a rate of 1e-5 has hardly any left. Return it as it is."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return round(base_lr * step / warmup_steps, 6)
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return round(min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress)), 6)
