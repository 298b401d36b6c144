"""You keep the rates of each pair of lengths and answer from them: base_lr and min_lr may be others at the next call."""

import math

KEPT = {}


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    key = step, warmup_steps, total_steps
    if key not in KEPT:
        progress = min(1.0, max(0, step - warmup_steps) / (total_steps - warmup_steps))
        cosine = min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
        KEPT[key] = base_lr * step / warmup_steps if step < warmup_steps else cosine
    return KEPT[key]
