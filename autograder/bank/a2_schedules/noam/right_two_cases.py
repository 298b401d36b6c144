"""The two pieces in two cases; the line is 0 at step 0 by itself."""

import math


def noam(step, *, d_model, warmup_steps):
    if step <= warmup_steps:
        return step / math.sqrt(d_model * warmup_steps**3)
    return 1 / math.sqrt(d_model * step)
