"""You smooth with a window that looks ahead, so that the trouble leaks into the steps before it: use the steps up to the present
one only."""

import math


def lr_range_test(losses, lrs):
    smooth = [sum(losses[max(0, i - 9) : i + 10]) / len(losses[max(0, i - 9) : i + 10]) for i in range(len(losses))]
    diverged = None
    for i, level in enumerate(smooth):
        if not math.isfinite(level) or level > min(smooth[: i + 1]) + 1:
            diverged, smooth = lrs[i], smooth[:i]
            break
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[min(range(5, len(smooth) - 5), key=lambda i: smooth[i + 5] - smooth[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
