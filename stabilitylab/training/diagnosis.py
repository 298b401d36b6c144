"""What happened in a run: one verdict, from the loss curve and the reference lines alone.

The definitions, in the order they are tried. *Level* of a stretch of steps means its mean loss; the *end* is the last
tenth of the run, at least 5 steps.

==================== ==========================================================================================
non-finite           a loss, or a gradient that was applied, was inf or NaN
too short            fewer than 20 steps: nothing more can be said
diverged             the end lies above both the first step's loss and the uniform guess (ln 256 = 5.55 nats)
spiked and damaged   the loss rose by more than 1 nat over its recent median, and the end is more than 0.2 nat
                     above the level of the 10 steps before the first such spike
stuck                the end is between 0.1 nat below and 0.5 nat above the unigram entropy, and no longer falling: the
                     median loss of the run's last quarter is less than 0.1 nat below that of the quarter before it. The
                     model has learned which bytes are common, and no more
crawling             the end is above the unigram entropy, and none of the above
spiked and recovered there was a spike, and the end is below the unigram entropy
trained              the end is below the unigram entropy, and nothing spiked
==================== ==========================================================================================

A verdict judges one curve. Whether a spike did lasting harm is better told by the gap to a twin run without the
cause, which only an experiment has.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from stabilitylab.training.corpus import VOCABULARY
from stabilitylab.training.telemetry import Run

UNIFORM = math.log(VOCABULARY)
"""Loss in nats per byte of a model that knows nothing: every byte equally likely."""

SPIKE_NATS = 1.0
SPIKE_WINDOW = 20
PLATEAU_NATS = 0.1
DAMAGE_NATS = 0.2
SHORTEST_RUN = 20
EXPLOSION_FACTOR = 10.0


class Verdict(enum.StrEnum):
    """What a run did; the value is the phrase to print."""

    NONFINITE = "non-finite"
    TOO_SHORT = "too short to tell"
    DIVERGED = "diverged"
    DAMAGED = "spiked and damaged"
    STUCK = "stuck at the unigram plateau"
    CRAWLING = "crawling"
    RECOVERED = "spiked and recovered"
    TRAINED = "trained"


@dataclass(frozen=True)
class Diagnosis:
    """A verdict and what it rests on.

    Attributes:
        verdict: what happened.
        reason: one sentence with the numbers.
        final_loss: mean loss of the last tenth of the run, in nats per byte; NaN if any of it is not finite.
        spikes: steps at which a spike began.
        exploded_at: first step whose loss reached 10 times the first step's, None if there is none.
        nonfinite_at: first step with a non-finite loss or applied gradient, None if there is none.
    """

    verdict: Verdict
    reason: str
    final_loss: float
    spikes: tuple[int, ...]
    exploded_at: int | None
    nonfinite_at: int | None

    @property
    def learned(self) -> bool:
        """Whether the run ended below the unigram plateau, with or without a spike on the way."""
        return self.verdict in (Verdict.TRAINED, Verdict.RECOVERED)

    def nonfinite_by(self, step: int) -> bool:
        """Whether a loss or an applied gradient was inf or NaN at the given step or before it."""
        return self.nonfinite_at is not None and self.nonfinite_at <= step


def diagnose(run: Run) -> Diagnosis:
    """The diagnosis of a finished or stopped run.

    Raises:
        ValueError: if the run has no steps.
    """
    if not run.records:
        raise ValueError("run has no steps; train at least one step first")
    losses = run.column("loss")
    initial = losses[0]
    final = level(losses[-max(5, len(losses) // 10) :])
    rises = find_spikes(losses)
    spikes = tuple(run.records[at].step for at in rises)
    exploded = next((r.step for r in run.records if r.loss >= EXPLOSION_FACTOR * initial), None)
    broken = next((r for r in run.records if r.nonfinite), None)

    def verdict() -> tuple[Verdict, str]:
        gap = final - run.unigram
        if broken is not None:
            what = "a gradient" if math.isfinite(broken.loss) else "the loss"
            return Verdict.NONFINITE, f"{what} was inf or NaN at step {broken.step}."
        if len(losses) < SHORTEST_RUN:
            return Verdict.TOO_SHORT, f"the run has {len(losses)} steps; a verdict needs at least {SHORTEST_RUN}."
        if final > max(UNIFORM, initial):
            return (
                Verdict.DIVERGED,
                f"it ends at {final:.3g} nats, above its start ({initial:.2f}) and above a uniform guess ({UNIFORM:.2f}).",
            )
        if spikes:
            before = level(losses[max(0, rises[0] - 10) : rises[0]])
            if final > before + DAMAGE_NATS:
                return (
                    Verdict.DAMAGED,
                    f"it ends at {final:.2f} nats, above the {before:.2f} it had reached before the spike at step {spikes[0]}.",
                )
        if -PLATEAU_NATS <= gap < 5 * PLATEAU_NATS and recent_drop(losses) < PLATEAU_NATS:
            return (
                Verdict.STUCK,
                f"it ends at {final:.2f} nats, and knowing only how common each byte is gives {run.unigram:.2f}.",
            )
        if gap > 0:
            return (
                Verdict.CRAWLING,
                f"it ends at {final:.2f} nats, still above the {run.unigram:.2f} of knowing only how common each byte is.",
            )
        if spikes:
            return (
                Verdict.RECOVERED,
                f"it spiked at step {spikes[0]} and still ends at {final:.2f} nats, below unigram ({run.unigram:.2f}).",
            )
        return Verdict.TRAINED, f"it ends at {final:.2f} nats, below unigram ({run.unigram:.2f})."

    kind, reason = verdict()
    return Diagnosis(kind, reason[0].upper() + reason[1:], final, spikes, exploded, broken.step if broken else None)


def level(losses: Sequence[float]) -> float:
    """Mean of a stretch of losses; NaN if one of them is not finite."""
    return fmean(losses) if all(map(math.isfinite, losses)) else math.nan


def recent_drop(losses: Sequence[float]) -> float:
    """How far the median loss fell from the third quarter of the run to its last quarter; a single spike does not move it."""
    quarter = max(1, len(losses) // 4)
    return median(losses[-2 * quarter : -quarter]) - median(losses[-quarter:])


def find_spikes(losses: Sequence[float]) -> tuple[int, ...]:
    """Indices at which the loss rises more than 1 nat above the median of the 20 steps before it.

    A spike lasts until the loss is back within 1 nat of the median from before it; only its first step is named.
    """
    spikes: list[int] = []
    calm: float | None = None  # the median before the spike we are in, None outside one
    for step in range(1, len(losses)):
        usual = calm if calm is not None else median(losses[max(0, step - SPIKE_WINDOW) : step])
        if losses[step] > usual + SPIKE_NATS:
            if calm is None:
                spikes.append(step)
                calm = usual
        elif math.isfinite(losses[step]):
            calm = None
    return tuple(spikes)
