"""Your fraction is upside down: the rate grows after the warmup. It is warmup_steps / step under the root."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * math.sqrt(step / warmup_steps)
