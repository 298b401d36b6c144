"""You divide by warmup_steps - 1: the line reaches base_lr one step early, and one step of warmup is a division by 0."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / (warmup_steps - 1)
    return base_lr * math.sqrt(warmup_steps / step)
