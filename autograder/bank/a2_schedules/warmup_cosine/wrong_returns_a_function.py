"""You return a function of the step: return the rate of the step that was given."""

import math


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    def schedule(step):
        if step < warmup_steps:
            return base_lr * step / warmup_steps
        progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
        return min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))

    return schedule
