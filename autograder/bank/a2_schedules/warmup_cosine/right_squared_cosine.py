"""Half a cosine is a squared cosine of half the angle; with a helper, and prints."""

import math
import warnings


def share(step, first, last):
    return min(max((step - first) / (last - first), 0.0), 1.0)


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step == 0:
        warnings.warn("a warmup from 0 begins")
        print("step", step)
    if warmup_steps and step < warmup_steps:
        return base_lr * share(step, 0, warmup_steps)
    return min_lr + (base_lr - min_lr) * math.cos(math.pi / 2 * share(step, warmup_steps, total_steps)) ** 2
