"""Your smoothing starts at 0, so that its first values are far too low and the rise to the real loss looks like a divergence:
start at the first loss."""

import math


def lr_range_test(losses, lrs):
    smooth = []
    diverged = None
    for loss, lr in zip(losses, lrs):
        level = 0.9 * smooth[-1] + 0.1 * loss if smooth else 0.1 * loss
        if not math.isfinite(loss) or (smooth and level > min(smooth) + 1):
            diverged = lr
            break
        smooth.append(level)
    lowest = lrs[min(range(len(smooth)), key=lambda i: smooth[i])]
    steepest = lrs[
        min(
            range(5, max(6, len(smooth) - 5)),
            key=lambda i: smooth[min(i + 5, len(smooth) - 1)] - smooth[min(i - 5, len(smooth) - 1)],
        )
    ]
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
