"""Your list of smoothed losses is a default argument, which is made once and goes on growing at the next call: make it inside the
function."""

import math


def lr_range_test(losses, lrs, smooth=[]):  # noqa: B006
    diverged = None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    end = min(len(smooth), len(lrs))
    lowest = lrs[min(range(end), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, end - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
