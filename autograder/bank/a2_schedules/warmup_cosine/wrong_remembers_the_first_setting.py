"""You keep the rates of the first setting and answer later calls from them: base_lr, warmup_steps and total_steps may differ from
call to call."""

import math

known = {}


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step not in known:
        progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
        decayed = min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
        known[step] = base_lr * step / warmup_steps if step < warmup_steps else decayed
    return known[step]
