"""NumPy's numbers and functions throughout, in double precision."""

import numpy as np


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    step = np.int64(step)
    if step < warmup_steps:
        return np.float64(base_lr) * step / warmup_steps
    progress = np.minimum(1.0, (step - warmup_steps) / np.float64(total_steps - warmup_steps))
    return min_lr + (base_lr - min_lr) * (1 + np.cos(np.pi * progress)) / 2
