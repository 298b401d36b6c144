"""You round the root of the width down to a whole number: leave it as it is."""

import math


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return min(step**-0.5, step * warmup_steps**-1.5) / math.isqrt(d_model)
