"""You end the line one step late, with step <= warmup_steps and a line of warmup_steps + 1 steps: the rate is base_lr at step
warmup_steps."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step <= warmup_steps:
        return base_lr * step / (warmup_steps + 1)
    return base_lr * math.sqrt(warmup_steps / step)
