"""Plain Python with a running minimum, slopes per decade, and an extra entry."""

import math


def lr_range_test(losses, lrs):
    level, best, kept, diverged = losses[0], losses[0], [], None
    for i, loss in enumerate(losses):
        if math.isnan(loss) or math.isinf(loss):
            diverged = lrs[i]
            break
        if i:
            level += 0.1 * (loss - level)
        if level - best > 1:
            diverged = lrs[i]
            break
        best = min(best, level)
        kept.append((level, lrs[i]))
    lowest = min(kept)[1]
    slopes = []
    for i in range(5, len(kept) - 5):
        (after, high), (before, low) = kept[i + 5], kept[i - 5]
        slopes.append(((after - before) / math.log10(high / low), kept[i][1]))
    print("kept", len(kept), "of", len(losses))
    return {"steepest": min(slopes)[1], "lowest": lowest, "diverged": diverged, "suggested": lowest * 0.1, "kept": len(kept)}
