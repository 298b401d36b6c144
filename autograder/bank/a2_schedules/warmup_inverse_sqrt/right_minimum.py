"""The smaller of the two pieces, with step 0 kept from the root."""

import math


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return base_lr * min(step / warmup_steps, math.sqrt(warmup_steps / max(step, 1)))
