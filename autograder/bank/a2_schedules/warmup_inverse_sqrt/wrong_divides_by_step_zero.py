"""At step 0 you divide by 0: look whether the step is in the warmup before you divide by it."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return base_lr * min(step / warmup_steps, math.sqrt(warmup_steps / step))
