"""You count how often your function is called and ignore the step it is given: a loop that resumes at step 500 gets the rate of
step 0."""

import math

calls = 0


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    global calls
    step, calls = calls, calls + 1
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    progress = min(1.0, (step - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + (base_lr - min_lr) * 0.5 * (1 + math.cos(math.pi * progress))
