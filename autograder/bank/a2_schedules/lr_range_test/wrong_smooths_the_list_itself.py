"""You write the smoothed losses into the list that you were given: it belongs to the caller. Make a list of your own."""

import math


def lr_range_test(losses, lrs):
    diverged, end = None, len(losses)
    for i in range(len(losses)):
        level = 0.9 * losses[i - 1] + 0.1 * losses[i] if i else losses[0]
        if not math.isfinite(losses[i]) or (i and level > min(losses[:i]) + 1):
            diverged, end = lrs[i], i
            break
        losses[i] = level
    lowest = lrs[min(range(end), key=lambda i: losses[i])]
    steepest = lrs[min(range(5, end - 5), key=lambda i: losses[i + 5] - losses[i - 5])]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
