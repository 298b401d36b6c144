"""You stop the decay at a hundredth of the peak: it has no end, so that one can train for as long as one likes."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return max(base_lr / 100, base_lr * math.sqrt(warmup_steps / step))
