"""Learning-rate schedules as plain functions from a step (counted from 0) to a learning rate.

The convention is that of the common libraries: linear warmup is 0 at step 0 and reaches the peak at step
``warmup_steps``; after it the rate stays, or decays over the rest of the run.
"""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int], float]
DECAYS = ("constant", "cosine", "linear", "inverse_sqrt", "wsd")
STABLE_SHARE = 0.8


def warmup_then(decay: str, *, peak_lr: float, warmup_steps: int = 0, total_steps: int) -> Schedule:
    """Linear warmup from 0 to ``peak_lr``, then ``decay``.

    Args:
        decay: ``"constant"``; ``"cosine"`` or ``"linear"`` to 0 at ``total_steps``; ``"inverse_sqrt"``: peak_lr *
            sqrt(warmup_steps / step), which without warmup falls from step 1 on; ``"wsd"`` (warmup, stable, decay): constant for
            80% of what follows the warmup, then linear to 0 (Hu et al. 2024, arXiv 2404.06395, decay exponentially).
        peak_lr: the highest learning rate.
        warmup_steps: 0 (default) starts at the peak.
        total_steps: length of the run.

    Raises:
        ValueError: for an unknown decay, a negative or over-long warmup, or a rate that is not positive and finite.
    """
    if decay not in DECAYS:
        raise ValueError(f"decay is {decay!r}; choose one of {', '.join(DECAYS)}")
    if not 0 < peak_lr < math.inf:
        raise ValueError(f"peak_lr is {peak_lr}; it must be above 0 and finite")
    if not 0 <= warmup_steps <= total_steps:
        raise ValueError(f"warmup_steps is {warmup_steps}; with {total_steps} steps it must lie between 0 and {total_steps}")

    def learning_rate(step: int) -> float:
        if step < warmup_steps:
            return peak_lr * step / warmup_steps
        progress = min(1.0, (step - warmup_steps) / max(1, total_steps - warmup_steps))
        if decay == "cosine":
            return peak_lr * 0.5 * (1 + math.cos(math.pi * progress))
        if decay == "linear":
            return peak_lr * (1 - progress)
        if decay == "wsd":
            return peak_lr * min(1.0, (1 - progress) / (1 - STABLE_SHARE))
        if decay == "inverse_sqrt":
            return peak_lr * math.sqrt(max(1, warmup_steps) / max(1, step))
        return peak_lr

    return learning_rate
