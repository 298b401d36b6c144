"""You add min_lr to a cosine that already starts at base_lr: the peak becomes base_lr + min_lr. Only the distance between the two
is scaled by the cosine."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + base_lr * 0.5 * (1 + math.cos(math.pi * progress))
