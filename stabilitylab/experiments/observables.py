"""What expectations and figures read off a run."""

from __future__ import annotations

import math
from statistics import fmean

from stabilitylab.training.diagnosis import Verdict, diagnose
from stabilitylab.training.telemetry import Run


def end(run: Run) -> float:
    """Mean loss of the run's last tenth, in nats; NaN if any of it is not finite."""
    return diagnose(run).final_loss


def learned(run: Run) -> bool:
    """Whether a run ended below the unigram plateau."""
    return diagnose(run).learned


def stuck(run: Run) -> bool:
    """Whether a run ended on the unigram plateau."""
    return diagnose(run).verdict == Verdict.STUCK


def finite(run: Run) -> bool:
    """Whether no loss and no applied gradient was inf or NaN."""
    return diagnose(run).nonfinite_at is None


def nonfinite_at(run: Run) -> float:
    """First step with a non-finite loss or applied gradient; inf if there is none."""
    step = diagnose(run).nonfinite_at
    return math.inf if step is None else step


def tame(run: Run) -> bool:
    """Whether a run stayed finite and never rose 1 nat above its first loss."""
    return finite(run) and peak(run) < run.records[0].loss + 1


def peak(run: Run, first: int = 0, last: int | None = None) -> float:
    """Highest loss in steps ``first`` to ``last`` (not included, default the end of the run); inf if one of them is not
    finite."""
    return max(loss if math.isfinite(loss) else math.inf for loss in run.column("loss")[first:last])


def firing_rate(run: Run, first: int = 0, last: int | None = None) -> float:
    """Share of steps in which clipping made the norm smaller."""
    return fmean(run.column("clipped")[first:last])
