"""You leave ten steps out at both ends before you look for the steepest fall: every step counts that has five before it and five
after it."""

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
    inner = range(10, len(smooth) - 10) or range(5, len(smooth) - 5)
    steepest = lrs[min(inner, key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
