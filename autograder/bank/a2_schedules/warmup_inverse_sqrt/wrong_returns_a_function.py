"""You return a function of the step: return the rate of the step that was given."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return lambda step: base_lr * min(step / warmup_steps, math.sqrt(warmup_steps / max(1, step)))
