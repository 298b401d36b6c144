"""You divide by sqrt(step) alone: without sqrt(warmup_steps) above it the rate drops at once when the warmup ends."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr / math.sqrt(step) if step > 1 else base_lr
