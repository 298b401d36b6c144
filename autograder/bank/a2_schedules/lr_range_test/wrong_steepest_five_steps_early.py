"""Your "steepest" is the rate at the beginning of the fall, five steps early: an index is lost where you slice or start at 0.
Return the rate in its middle."""

import math


def lr_range_test(losses, lrs):
    smooth = []
    diverged = None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    falls = [b - a for a, b in zip(smooth, smooth[10:])]
    steepest = lrs[falls.index(min(falls))]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
