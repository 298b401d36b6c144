"""You count the step under the root from the end of the warmup, so that the rate falls far too fast right after the peak: count
it from the beginning of the run."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr / math.sqrt(step - warmup_steps + 1)
