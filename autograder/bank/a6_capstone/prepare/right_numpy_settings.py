"""NumPy's numbers, a whole one among them."""

import numpy as np


def prepare(config):
    return config.replace(lr=np.float64(5e-3), warmup_steps=np.int64(5), clip_norm=np.float32(1), loss_scale=np.exp2(10))
