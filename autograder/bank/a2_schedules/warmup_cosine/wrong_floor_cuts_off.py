"""You decay towards 0 and cut at min_lr, so that the cosine ends in a flat piece before total_steps: squeeze the whole cosine
between base_lr and min_lr."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return max(min_lr, base_lr * 0.5 * (1 + math.cos(math.pi * progress)))
