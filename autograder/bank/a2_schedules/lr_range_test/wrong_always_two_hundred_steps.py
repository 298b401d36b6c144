"""You count on 200 steps: a sweep may have any number of them."""

import math


def lr_range_test(losses, lrs):
    smooth, diverged = [], None
    for i in range(200):
        level = 0.9 * smooth[-1] + 0.1 * losses[i] if smooth else losses[i]
        if not math.isfinite(losses[i]) or (smooth and level > min(smooth) + 1):
            diverged = lrs[i]
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
