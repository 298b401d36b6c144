"""You mark the divergence and read on behind it: nothing from the first step in trouble on counts, NaN or not."""

import math


def lr_range_test(losses, lrs):
    smooth = []
    diverged = None
    for loss, lr in zip(losses, lrs):
        if not math.isfinite(loss):
            diverged = diverged or lr
            break
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if diverged is None and smooth and level > min(smooth) + 1:
            diverged = lr
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
