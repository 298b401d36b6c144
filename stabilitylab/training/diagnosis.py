"""What happened in a run: one verdict, from the loss curve, the reference lines and what the run says of its updates.

The definitions, in the order they are tried. *Level* of a stretch of steps means its mean loss; the *start* is the first 5 steps,
the *end* the last tenth of the run, at least 5 steps.

=================== =============================================================================================
non-finite          a loss, or a gradient that was applied, was inf or NaN. If the end is finite all the same,
                    ``Diagnosis.otherwise`` says what the run is without the broken steps
loss exactly 0      more than half of the end is exactly 0, which no cross-entropy of real text reaches
too short           fewer than 20 steps: nothing more can be said
loss scale at 0     the loss scale is 0 at the end, so no gradient is left
updates skipped     every update of the end was skipped
frozen              no update moved the weights (every update ratio is 0)
diverged            the end lies above both the first step's loss and the uniform guess (ln of the vocabulary, 5.55
                    nats for bytes), by more than the run's noise explains
spiked and damaged  there was a spike, and the end is more than 0.2 nat above the level of the 10 steps before it;
                    of several spikes the one is judged before which that level was lowest
worse than start    the run began as a trained model, and the end is more than 0.2 nat above the start
fell, then rose     after its lowest stretch the loss rose by more than 0.2 nat, and the end is still more than a
                    third of that rise, or 0.5 nat if it ends as *stuck* does, above the lowest. Stretches are as
                    long as the end, and their medians count
stuck               the end is between 0.1 nat below and 0.5 nat above the unigram entropy, and no longer falling:
                    the median loss of the run's last quarter is less than 0.1 nat below that of the quarter before
                    it. The model has learned which bytes are common, and no more
frozen              the level never left that of the first stretch by more than the run's noise explains, and the
                    first loss was not below the unigram entropy
crawling            the end is above the unigram entropy, and none of the above
spiked, recovered   there was a spike, and the end is below the unigram entropy
trained             the end is below the unigram entropy, and nothing spiked
fell, unjudged      as *trained*, but the unigram entropy is not known, and the end is where it may lie
=================== =============================================================================================

**Noise.** Margins come from the run's own noise: the standard deviation of one step about its neighbours. A
difference of two levels counts as noise up to 4 standard errors, and up to 7 where the lowest and the highest of many stretches
are picked. 0.2 nat is the least that counts as damage or as a rise; it is less for a run that begins below 2 nats (a tenth of its
first loss), and more where noise is so large that spikes must be higher.

**Spikes.** A spike is a rise by more than 1 nat over the median of the 20 steps before it (``find_spikes``), or by more than half
the first loss if the run begins below 2 nats. Where that is more than 12 times the noise, 12 times the noise are enough, but not
less than 0.3 of it; where it is less than 4 times the noise, it takes 4 times. Batches of very few rows make such rises without
end, because some text is harder: where a run whose noise is above 1/6 nat rises three times or more, mostly for a single step,
and its median loss does not go up, that is noise too, and only a rise four times as high as these usually are is a spike.

**What is not known.** A log from elsewhere may lack references. Without a vocabulary the first loss stands in for the uniform
guess, if it is at least ln 256, and up to the ln of the largest vocabularies (12.5); a lower one tells nothing, and then an end
above the start is *worse than start*, unless it is ten times as high and above ln 256: *diverged*. A run began as a trained
model if its first loss is below the unigram entropy, or, where that is not known, a nat below the uniform guess, or anywhere if
that is not known either. An unknown unigram entropy is taken to lie between 0.55 and 0.8 of the uniform guess (of this course's
text it is 0.59 by bytes, 0.70 by characters, 0.77 by whole words): an end below counts as *trained*, one above as *crawling*.
``Diagnosis.unjudged`` says what is missing.

A verdict judges one curve. Whether a spike did lasting harm is better told by the gap to a twin run without the
cause, which only an experiment has.
"""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean, median

from stabilitylab.training.corpus import VOCABULARY
from stabilitylab.training.telemetry import Run

UNIFORM = math.log(VOCABULARY)
"""Loss in nats per byte of a model that knows nothing: every byte equally likely."""

LARGEST = math.log(2**18)
"""The uniform guess among as many tokens as the largest vocabularies hold; a higher first loss is no guess but a bad start."""
SPIKE_NATS = 1.0
SPIKE_WINDOW = 20
CALM_SHARE = 0.3
"""Of the usual height of a spike, what is one in the calmest run."""
PLATEAU_NATS = 0.1
DAMAGE_NATS = 0.2
STILL_NATS = 0.005
"""A level that moved by less stands still, however small the noise."""
SHORTEST_RUN = 20
EXPLOSION_FACTOR = 10.0
UNIGRAM_SHARE = (0.55, 0.8)
"""Between which shares of the uniform guess the unigram entropy of text lies, where it is not known."""


class Verdict(enum.StrEnum):
    """What a run did; the value is the phrase to print."""

    NONFINITE = "non-finite"
    ZERO = "loss exactly 0"
    TOO_SHORT = "too short to tell"
    NO_SCALE = "loss scale at 0"
    SKIPPED = "updates skipped to the end"
    FROZEN = "frozen at its start"
    DIVERGED = "diverged"
    DAMAGED = "spiked and damaged"
    FORGOT = "worse than its start"
    ROSE = "fell, then rose"
    STUCK = "stuck at the unigram plateau"
    CRAWLING = "crawling"
    RECOVERED = "spiked and recovered"
    TRAINED = "trained"
    UNJUDGED = "fell, how far cannot be judged"


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
        noise: standard deviation of one step's loss about its neighbours, in nats; 0.0 where nothing tells.
        lowest: median loss of the lowest stretch as long as the end, in nats; NaN if no stretch is finite.
        unjudged: what could not be judged, a sentence each; empty for the course's own runs.
        learned: whether the run ended below the unigram plateau, with or without a spike or a slow rise on the way.
        otherwise: of a non-finite run whose end is finite, the diagnosis without its broken steps; else None.
    """

    verdict: Verdict
    reason: str
    final_loss: float
    spikes: tuple[int, ...]
    exploded_at: int | None
    nonfinite_at: int | None
    noise: float
    lowest: float
    unjudged: tuple[str, ...]
    learned: bool
    otherwise: Diagnosis | None

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
    facts = _Facts(run)
    verdict, reason = next((verdict, reason) for verdict, rule in _RULES if (reason := rule(facts)))
    return Diagnosis(
        verdict,
        reason[0].upper() + reason[1:],
        facts.final,
        tuple(run.records[at].step for at in facts.rises),
        next((r.step for r in run.records if r.loss >= EXPLOSION_FACTOR * facts.initial), None),
        facts.broken[0].step if facts.broken else None,
        facts.noise,
        facts.lowest,
        facts.unjudged,
        verdict in (Verdict.TRAINED, Verdict.RECOVERED, Verdict.ROSE) and facts.above_unigram is False,
        facts.otherwise,
    )


class _Facts:
    """What the rules look at: the levels of a run, its noise, its references."""

    def __init__(self, run: Run):
        self.run = run
        self.losses = run.column("loss")
        self.width = max(5, len(self.losses) // 10)
        self.end = run.records[-self.width :]
        self.initial = self.losses[0]
        self.start = level(self.losses[:5])
        self.final = level(self.losses[-self.width :])
        self.broken = [record for record in run.records if record.nonfinite]
        self.threshold, self.noise = _threshold(self.losses)
        self.rises = [rise.at for rise in _rises(self.losses, self.threshold)[0]]
        self.unit = "byte" if run.vocabulary == VOCABULARY else "token"
        self.uniform = run.uniform
        if math.isnan(self.uniform) and self.initial >= UNIFORM:
            self.uniform = min(self.initial, LARGEST)

    def margin(self, errors: float, *steps: int) -> float:
        """So many standard errors of the difference between two means over so many steps."""
        return errors * self.noise * math.sqrt(sum(1 / n for n in steps))

    @cached_property
    def damage(self) -> float:
        """The least difference of two levels that counts as damage or as a rise."""
        return DAMAGE_NATS * max(self.threshold, _usual(self.losses)) / SPIKE_NATS

    @cached_property
    def stretches(self) -> list[Sequence[float]]:
        """The finite stretches of the run as long as its end, overlapping by three quarters; the end is the last."""
        starts = [*range(0, len(self.losses) - self.width, max(1, self.width // 4)), max(0, len(self.losses) - self.width)]
        stretches = (self.losses[at : at + self.width] for at in starts)
        return [stretch for stretch in stretches if all(map(math.isfinite, stretch))]

    @cached_property
    def medians(self) -> list[float]:
        return [median(stretch) for stretch in self.stretches]

    @cached_property
    def lowest(self) -> float:
        return min(self.medians, default=math.nan)

    @cached_property
    def began_trained(self) -> bool:
        """Whether the first loss is that of a model that has learned something before."""
        if not math.isnan(self.run.unigram):
            return self.initial < self.run.unigram
        return math.isnan(self.uniform) or self.initial < self.uniform - 1

    @cached_property
    def above_unigram(self) -> bool | None:
        """Whether the end lies above the unigram entropy; None if that is not known and cannot be guessed."""
        if not math.isnan(self.run.unigram):
            return self.final > self.run.unigram
        if math.isnan(self.uniform) or self.began_trained:
            return False
        low, high = (share * self.uniform for share in UNIGRAM_SHARE)
        return True if self.final > high else None if self.final > low else False

    @cached_property
    def plateau(self) -> bool:
        """Whether the end lies at the unigram entropy and no longer falls."""
        gap = self.final - self.run.unigram
        return -PLATEAU_NATS <= gap < 5 * PLATEAU_NATS and recent_drop(self.losses) < PLATEAU_NATS

    @cached_property
    def otherwise(self) -> Diagnosis | None:
        whole = [record for record in self.run.records if not record.nonfinite]
        if not self.broken or self.end[-1].nonfinite or not math.isfinite(self.final):
            return None
        return diagnose(dataclasses.replace(self.run, records=whole))

    @cached_property
    def unjudged(self) -> tuple[str, ...]:
        missing = []
        if math.isnan(self.run.uniform):
            instead = " (its first loss stands in for it)" if not math.isnan(self.uniform) else ""
            missing.append(f"Whether the end lies above a uniform guess: the vocabulary is not known{instead}.")
        if math.isnan(self.run.unigram):
            missing.append(
                "Whether the model has learned more than how common each token is: the unigram entropy of its text is not known."
            )
        return tuple(missing)


def _nonfinite(facts: _Facts) -> str | None:
    if not facts.broken:
        return None
    first = facts.broken[0]
    return f"{'a gradient' if math.isfinite(first.loss) else 'the loss'} was inf or NaN at step {first.step}."


def _zero(facts: _Facts) -> str | None:
    zeros = sum(record.loss == 0 for record in facts.end)
    if zeros <= len(facts.end) / 2:
        return None
    first = next(i for i, loss in enumerate(facts.losses) if loss == 0 and not any(facts.losses[i : i + zeros]))
    step, before = facts.run.records[first].step, facts.losses[first - 1] if first else math.nan
    reached = f", one step after a loss of {before:.3g}" if first else ""
    return (
        f"the loss is exactly 0 from step {step} on{reached}; a cross-entropy comes close to 0 but does not reach it, unless it "
        "is rounded, has no labels left to predict, or stands for a NaN."
    )


def _too_short(facts: _Facts) -> str | None:
    if (count := len(facts.losses)) >= SHORTEST_RUN:
        return None
    steps = [record.step for record in facts.run.records]
    noun = f"the log has {count} losses" if steps[-1] - steps[0] >= 2 * count else f"the run has {count} steps"
    return f"{noun}; a verdict needs at least {SHORTEST_RUN}."


def _skipped_since(facts: _Facts) -> tuple[int, int]:
    """The step since which every update was skipped, and how many those are."""
    kept = next((i for i in reversed(range(len(facts.losses))) if not facts.run.records[i].skipped), -1)
    return facts.run.records[min(kept + 1, len(facts.losses) - 1)].step, len(facts.losses) - 1 - kept


def _no_scale(facts: _Facts) -> str | None:
    if facts.end[-1].loss_scale != 0:
        return None
    first = next(record.step for record in facts.run.records if record.loss_scale == 0)
    _, count = _skipped_since(facts)
    skipped = f" The last {count} of its {len(facts.losses)} updates were skipped." if count else ""
    return (
        f"the loss scale is 0 from step {first} on, so that no gradient is left to train with; it ends at {facts.final:.2f} nats."
        f"{skipped}"
    )


def _skipped(facts: _Facts) -> str | None:
    since, count = _skipped_since(facts)
    if count < facts.width:
        return None
    which = (
        f"all {count} updates were skipped" if count == len(facts.losses) else f"every update from step {since} on was skipped"
    )
    scale = facts.end[-1].loss_scale
    ends = f", and the loss scale ends at {scale:.3g}" if math.isfinite(scale) else ""
    return f"{which}{ends}: nothing is learned any more, and the loss stands at {facts.final:.2f} nats."


def _unmoved(facts: _Facts) -> str | None:
    if any(record.update_ratio != 0 for record in facts.run.records):
        return None
    return f"no update moved the weights: every update ratio is 0, and the loss stands at {facts.final:.2f} nats."


def _diverged(facts: _Facts) -> str | None:
    known = not math.isnan(facts.uniform)
    bound = max(facts.uniform, facts.initial) if known else max(UNIFORM, EXPLOSION_FACTOR * facts.initial)
    if not facts.final > bound + facts.margin(4, 1, facts.width):
        return None
    if not known:
        above = f"more than ten times its start ({facts.initial:.2f})"
    elif math.isnan(facts.run.uniform):
        above = f"above its start ({facts.initial:.2f}), where it knew nothing"
    else:
        above = f"above its start ({facts.initial:.2f}) and above a uniform guess ({facts.uniform:.2f})"
    return f"it ends at {facts.final:.3g} nats, {above}."


def _damaged(facts: _Facts) -> str | None:
    before = [level(facts.losses[max(0, at - 10) : at]) for at in facts.rises]
    lowest = min(before, default=math.inf)
    if not facts.final > lowest + facts.damage:
        return None
    step = facts.run.records[facts.rises[before.index(lowest)]].step
    return f"it ends at {facts.final:.2f} nats, above the {lowest:.2f} it had reached before the spike at step {step}."


def _forgot(facts: _Facts) -> str | None:
    if not facts.began_trained or not facts.final > facts.start + max(facts.damage, facts.margin(4, 5, facts.width)):
        return None
    reached = f"; its lowest level was {facts.lowest:.2f}" if facts.lowest < facts.start - facts.damage else ""
    return f"it ends at {facts.final:.2f} nats, above the {facts.start:.2f} it began with{reached}."


def _rose(facts: _Facts) -> str | None:
    after = facts.medians[facts.medians.index(facts.lowest) :] if facts.medians else []
    rise = max(after, default=0.0) - facts.lowest
    left = 5 * PLATEAU_NATS if facts.plateau else rise / 3
    if not (rise > max(facts.damage, facts.margin(7, facts.width, facts.width)) and facts.medians[-1] - facts.lowest > left):
        return None
    return f"it fell to {facts.lowest:.2f} nats, then rose by {rise:.2f}, and ends at {facts.final:.2f} nats."


def _stuck(facts: _Facts) -> str | None:
    if not facts.plateau:
        return None
    return f"it ends at {facts.final:.2f} nats, and knowing only how common each {facts.unit} is gives {facts.run.unigram:.2f}."


def _frozen(facts: _Facts) -> str | None:
    if (facts.began_trained and not math.isnan(facts.run.unigram)) or not facts.stretches:
        return None
    levels = list(map(fmean, facts.stretches))
    still = max(STILL_NATS, facts.margin(4, facts.width, facts.width))
    if abs(levels[-1] - levels[0]) > still or max(levels) - min(levels) > 2 * still:
        return None
    return (
        f"it ends at {facts.final:.2f} nats, where it began ({levels[0]:.2f}); its level moved by no more than the noise of its "
        f"steps ({facts.noise:.2g} nat) explains."
    )


def _crawling(facts: _Facts) -> str | None:
    if not facts.above_unigram:
        return None
    if math.isnan(facts.run.unigram):
        low, high = (share * facts.uniform for share in UNIGRAM_SHARE)
        known = f"the {low:.2f} to {high:.2f} that knowing only how common each {facts.unit} is usually gives"
    else:
        known = f"the {facts.run.unigram:.2f} of knowing only how common each {facts.unit} is"
    return f"it ends at {facts.final:.2f} nats, still above {known}."


def _below(facts: _Facts) -> str:
    """What a run that ended low ended below of."""
    if not math.isnan(facts.run.unigram):
        return f"below unigram ({facts.run.unigram:.2f})"
    if facts.above_unigram is None or math.isnan(facts.uniform) or facts.began_trained:
        return f"{facts.start - facts.final:.2f} below its start ({facts.start:.2f})"
    return f"below the {UNIGRAM_SHARE[0] * facts.uniform:.2f} that knowing only how common each token is gives at best"


def _recovered(facts: _Facts) -> str | None:
    if not facts.rises:
        return None
    step = facts.run.records[facts.rises[0]].step
    return f"it spiked at step {step} and still ends at {facts.final:.2f} nats, {_below(facts)}."


def _trained(facts: _Facts) -> str | None:
    return None if facts.above_unigram is None else f"it ends at {facts.final:.2f} nats, {_below(facts)}."


def _fell(facts: _Facts) -> str:
    low, high = (share * facts.uniform for share in UNIGRAM_SHARE)
    return (
        f"it ends at {facts.final:.2f} nats, below its start ({facts.start:.2f}); knowing only how common each token is usually "
        f"gives {low:.2f} to {high:.2f}, so that this may be all it has learned."
    )


_RULES = (
    (Verdict.NONFINITE, _nonfinite),
    (Verdict.ZERO, _zero),
    (Verdict.TOO_SHORT, _too_short),
    (Verdict.NO_SCALE, _no_scale),
    (Verdict.SKIPPED, _skipped),
    (Verdict.FROZEN, _unmoved),
    (Verdict.DIVERGED, _diverged),
    (Verdict.DAMAGED, _damaged),
    (Verdict.FORGOT, _forgot),
    (Verdict.ROSE, _rose),
    (Verdict.STUCK, _stuck),
    (Verdict.FROZEN, _frozen),
    (Verdict.CRAWLING, _crawling),
    (Verdict.RECOVERED, _recovered),
    (Verdict.TRAINED, _trained),
    (Verdict.UNJUDGED, _fell),
)
"""The order of trial: the first rule that gives a reason decides."""


def level(losses: Sequence[float]) -> float:
    """Mean of a stretch of losses; NaN if one of them is not finite."""
    return fmean(losses) if all(map(math.isfinite, losses)) else math.nan


def recent_drop(losses: Sequence[float]) -> float:
    """How far the median loss fell from the third quarter of the run to its last quarter; a single spike does not move it."""
    quarter = max(1, len(losses) // 4)
    return median(losses[-2 * quarter : -quarter]) - median(losses[-quarter:])


def find_spikes(losses: Sequence[float]) -> tuple[int, ...]:
    """Indices at which the loss rises more than 1 nat above the median of the 20 steps before it.

    A spike lasts until the loss is back within 1 nat of the median from before it; only its first step is named. In a run that is
    calm or begins below 2 nats it takes less than 1 nat, in a noisy one more; the module's docstring says how much.
    """
    return tuple(rise.at for rise in _rises(losses, _threshold(losses)[0])[0])


@dataclass
class _Rise:
    """Steps above the recent median by more than a threshold: where they begin, how many, and the highest of them."""

    at: int
    steps: int
    height: float


def _rises(losses: Sequence[float], threshold: float) -> tuple[list[_Rise], list[float]]:
    """The rises of a curve, and the differences between neighbouring steps outside of them."""
    rises: list[_Rise] = []
    differences: list[float] = []
    calm: float | None = None  # the median before the rise we are in, None outside one
    for step in range(1, len(losses)):
        usual = calm if calm is not None else median(losses[max(0, step - SPIKE_WINDOW) : step])
        height = losses[step] - usual
        if height > threshold:
            if calm is None:
                rises.append(_Rise(step, 0, height))
                calm = usual
            rises[-1].steps += 1
            rises[-1].height = max(rises[-1].height, height)
        elif math.isfinite(losses[step]):
            if calm is None and math.isfinite(losses[step - 1]):
                differences.append(losses[step] - losses[step - 1])
            calm = None
    return rises, differences


def _usual(losses: Sequence[float]) -> float:
    """By how much a spike rises in a run of usual noise: 1 nat, or half the first loss where that is less."""
    return min(SPIKE_NATS, losses[0] / 2) if losses[0] > 0 else SPIKE_NATS


def _threshold(losses: Sequence[float]) -> tuple[float, float]:
    """By how much a spike rises, and the noise of one step, both in nats."""
    usual = _usual(losses)
    _, differences = _rises(losses, usual)
    if len(differences) < SPIKE_WINDOW:
        return usual, 0.0
    middle = median(differences)
    noise = 1.4826 * median(abs(difference - middle) for difference in differences) / math.sqrt(2)
    threshold = max(4 * noise, min(usual, max(CALM_SHARE * usual, 12 * noise)) if noise else usual)
    rises, _ = _rises(losses, threshold)
    if 6 * noise > usual and len(rises) >= 3 and sum(rise.steps == 1 for rise in rises) >= 0.75 * len(rises):
        quarter = len(losses) // 4
        medians = [median(losses[at : at + quarter]) for at in range(0, 4 * quarter, quarter)]
        if medians[-1] <= min(medians) + DAMAGE_NATS:
            threshold = max(threshold, 4 * median(rise.height for rise in rises))
    return threshold, noise
