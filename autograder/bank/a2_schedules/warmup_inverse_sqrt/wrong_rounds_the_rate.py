"""You round the rate to six digits after the point: a rate of 1e-5 has hardly any left. Return it as it is."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return round(base_lr * step / warmup_steps, 6)
    return round(base_lr * math.sqrt(warmup_steps / step), 6)
