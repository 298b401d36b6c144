"""You take the fall relative to the loss, as on a logarithmic axis: steepness is the difference itself."""

import math


def lr_range_test(losses, lrs):
    smooth, diverged = [], None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] / smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
