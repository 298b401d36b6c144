"""You let the first step in trouble count for the lowest loss and the steepest fall: a loss of minus infinity is then the lowest
of all. Nothing from that step on counts."""

import math


def lr_range_test(losses, lrs):
    smooth, diverged = [], None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        trouble = not math.isfinite(loss) or (len(smooth) > 0 and level > min(smooth) + 1)
        smooth.append(level)
        if trouble:
            diverged = lr
            break
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
