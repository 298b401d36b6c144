"""You never return more than the lowest rate so far of the decay: a loop may go back to an earlier step."""

import math

LOWEST = {}


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    rate = min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
    LOWEST["rate"] = min(rate, LOWEST.get("rate", rate))
    return LOWEST["rate"]
