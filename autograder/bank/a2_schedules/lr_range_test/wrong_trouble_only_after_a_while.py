"""You look for no trouble in the first 20 steps: the first step in trouble is where the sweep ends, however early it comes."""

import math


def lr_range_test(losses, lrs):
    smooth, diverged = [], None
    for i, (loss, lr) in enumerate(zip(losses, lrs)):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if i > 20 and (not math.isfinite(loss) or level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
