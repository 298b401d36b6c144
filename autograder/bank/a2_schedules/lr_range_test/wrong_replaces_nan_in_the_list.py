"""You replace what is not finite in the list that you were given: it belongs to the caller. Look, and leave it as it is."""

import math


def lr_range_test(losses, lrs):
    broken = [i for i, loss in enumerate(losses) if not math.isfinite(loss)]
    for i in broken:
        losses[i] = 1e9
    smooth, diverged = [], None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if smooth and level > min(smooth) + 1:
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
