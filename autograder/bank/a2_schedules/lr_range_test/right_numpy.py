"""With NumPy: smoothing in a loop, the rest in whole arrays."""

import numpy as np


def lr_range_test(losses, lrs):
    losses, lrs = np.array(losses), np.array(lrs)
    smooth = losses.copy()
    for i in range(1, len(losses)):
        smooth[i] = 0.9 * smooth[i - 1] + 0.1 * losses[i]
    before = np.concatenate([[np.inf], np.minimum.accumulate(smooth)[:-1]])
    trouble = np.flatnonzero(~np.isfinite(losses) | (smooth > before + 1))
    end = trouble[0] if len(trouble) else len(losses)
    smooth = smooth[:end]
    low = np.argmin(smooth)
    steep = 5 + np.argmin(smooth[10:] - smooth[:-10])
    return {
        "suggested": lrs[low] / 10,
        "diverged": lrs[end] if len(trouble) else None,
        "lowest": lrs[low],
        "steepest": lrs[steep],
    }
