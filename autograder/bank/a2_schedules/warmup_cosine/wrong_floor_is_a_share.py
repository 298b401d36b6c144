"""You take min_lr for a share of base_lr: it is a learning rate itself."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    floor = base_lr * min_lr
    return floor + (base_lr - floor) * 0.5 * (1 + math.cos(math.pi * progress))
