"""You correct the smoothed loss for a start at 0, as Adam does, although it starts at the first loss: as it is defined here, the
first loss weighs on for some twenty steps."""

import math


def lr_range_test(losses, lrs):
    smooth, level, diverged = [], 0.0, None
    for i, (loss, lr) in enumerate(zip(losses, lrs)):
        level = 0.9 * level + 0.1 * loss
        corrected = level / (1 - 0.9 ** (i + 1))
        if not math.isfinite(loss) or (smooth and corrected > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(corrected)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
