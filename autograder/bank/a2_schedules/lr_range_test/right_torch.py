"""With torch tensors in single precision, returned as tensors with one element."""

import torch


def lr_range_test(losses, lrs):
    losses, lrs = torch.tensor(losses), torch.tensor(lrs)
    smooth, end = losses.clone(), len(losses)
    for i in range(len(losses)):
        if i > 0:
            smooth[i] = 0.9 * smooth[i - 1] + 0.1 * losses[i]
        if not torch.isfinite(losses[i]) or (i > 0 and smooth[i] > smooth[:i].min() + 1):
            end = i
            break
    smooth = smooth[:end]
    lowest = lrs[smooth.argmin()]
    steepest = lrs[5 + (smooth[10:] - smooth[:-10]).argmin()]
    diverged = lrs[end] if end < len(losses) else None
    return {"steepest": steepest, "lowest": lowest, "diverged": diverged, "suggested": lowest / 10}
