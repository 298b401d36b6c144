"""You return the numbers of steps: look up the rate of each in lrs."""

import math


def lr_range_test(losses, lrs):
    smooth = []
    diverged = None
    for loss in losses:
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = len(smooth)
            break
        smooth.append(level)
    lowest = min(range(len(smooth)), key=lambda i: smooth[i])
    steepest = min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
