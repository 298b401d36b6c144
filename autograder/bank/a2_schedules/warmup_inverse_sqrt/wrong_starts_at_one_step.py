"""You count steps from 1, in the line and under the root: here step 0 has rate 0, and the peak is at step warmup_steps."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    step = step + 1
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * math.sqrt(warmup_steps / step)
