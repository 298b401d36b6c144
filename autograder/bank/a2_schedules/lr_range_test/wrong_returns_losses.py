"""You return losses: every entry is a learning rate, the one that belongs to the step found."""

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
    lowest = min(smooth)
    steepest = min(smooth[i + 5] - smooth[i - 5] for i in range(5, len(smooth) - 5))
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
