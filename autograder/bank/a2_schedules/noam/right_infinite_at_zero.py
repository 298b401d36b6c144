"""NumPy in floating point, where 0^-0.5 is infinite and the line is smaller."""

import numpy as np


def noam(step, *, d_model, warmup_steps):
    with np.errstate(divide="ignore"):
        return np.minimum(np.float64(step) ** -0.5, step * warmup_steps**-1.5) * d_model**-0.5
