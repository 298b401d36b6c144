"""In single precision, and returned as a NumPy number."""

import numpy as np


def noam(step, *, d_model, warmup_steps):
    step, warmup = np.float32(step), np.float32(warmup_steps)
    with np.errstate(divide="ignore"):
        return np.minimum(step ** np.float32(-0.5), step * warmup ** np.float32(-1.5)) / np.sqrt(np.float32(d_model))
