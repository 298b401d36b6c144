"""You return one number: return the dictionary with all four entries."""

import math


def lr_range_test(losses, lrs):
    smooth = []
    for loss in losses:
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    return lowest / 10
