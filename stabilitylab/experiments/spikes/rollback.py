"""Going back to a checkpoint: with a lower learning rate, or past the batches that did it (claim C13).

Settings were found on seeds 20-24; tolerances were set on seeds 20-39 (hot arms) and 25-39 (the others).

Expected: after pathological batches a rollback with a lower rate ends near the twin that never saw them. Found: it ends about as
    far above
it as the untreated run. The lower rate does tame the bad batches, which a twin slowed in the same way shows; but in a run this
short it costs as much as they did. Also tried: 0.3 times the rate, which gave the same picture, and a tenth of the rate for 40
steps only, which left about half the gap. A hot run with a peak of 2.0 survived in one seed of 15, so the peak is 3.0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from statistics import fmean, median

from torch import nn

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity, Results
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Batch, Injection
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.precision import StaticLossScaler
from stabilitylab.training.telemetry import Run, StepRecord, global_norm, gradients

CHECKPOINT, NOTICED = 40, 80
"""The last good state is that before step 40; at step 80 someone sees the curve and goes back to it."""

BAD = (60, 61, 62, 63)
CLEAN = RunConfig(model=ModelConfig(layers=2, width=32, heads=2, context=32), optimizer="sgd", lr=0.1, warmup_steps=20, steps=140)
POISONED = CLEAN.replace(injections=(Injection("repeated_byte", BAD),))
# The rate climbs past what the model can take soon after step 50, on clean data.
TOO_HOT = CLEAN.replace(lr=3.0, warmup_steps=140, on_nonfinite="stop")


def unchanged(trainer: Trainer) -> None:
    """Goes on as before."""


def lower_rate(trainer: Trainer) -> None:
    """Goes on with 0.15 times the scheduled rate."""
    scheduled = trainer.schedule
    trainer.schedule = lambda step: 0.15 * scheduled(step)


def other_batches(trainer: Trainer) -> None:
    """Goes on at the same rate; up to where the trouble was noticed with batches the run has not seen, then with the planned
    ones."""
    planned = trainer.batches

    def batches(step: int) -> Batch:
        return planned(step + trainer.config.steps if step < NOTICED else step)

    trainer.batches = batches


def rollback(change: Callable[[Trainer], None]) -> Callable[[Trainer], Iterator[StepRecord]]:
    """Trains until the trouble is noticed, goes back to the checkpoint, and goes on with a change.

    The steps that were thrown away are yielded too: they were paid for, and the log shows them.
    """

    def drive(trainer: Trainer) -> Iterator[StepRecord]:
        checkpoint = trainer.state()
        for record in trainer.steps():
            yield record
            if record.step == CHECKPOINT - 1:
                checkpoint = trainer.state()
            if record.step == NOTICED - 1:
                break
        trainer.restore(checkpoint)
        change(trainer)
        yield from trainer.steps(first=CHECKPOINT)

    return drive


class OutlierSkipper(StaticLossScaler):
    """Skips an update whose gradient norm is above 4 times the median of the last 50, by the scaler's own way of skipping."""

    def __init__(self) -> None:
        super().__init__()
        self.norms: list[float] = []

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        norm = global_norm(gradients(parameters))
        outlier = len(self.norms) >= 20 and norm > 4 * median(self.norms[-50:])
        self.norms.append(norm)  # outliers too: a lasting change of scale must not block every later update
        return outlier


def final(run: Run) -> float:
    """Mean loss of the last 14 steps; inf if one of them is not finite."""
    last = run.column("loss")[-14:]
    return fmean(last) if all(map(math.isfinite, last)) else math.inf


def diverged(run: Run) -> bool:
    """Whether a run ended above its first loss, or with a number that is not finite."""
    return final(run) > run.records[0].loss


def gap(r: Results, arm: str, twin: str = "twin") -> float:
    """How far an arm ends above a twin that never saw the bad batches."""
    return final(r[arm]) - final(r[twin])


def harm(r: Results, arm: str, twin: str = "twin") -> float:
    """Mean loss of the 16 clean steps after the last passage of the bad batches, above that of a twin that never saw them."""

    def after(run: Run) -> float:
        last = {record.step: record.loss for record in run.records}  # of a step that was repeated, the second time counts
        return fmean(last[step] for step in range(BAD[-1] + 1, NOTICED))

    return after(r[arm]) - after(r[twin])


def skips(run: Run) -> int:
    """Updates skipped outside the bad steps."""
    return sum(record.skipped and record.step not in BAD for record in run.records)


EXPERIMENT = Experiment(
    name="rollback",
    question="after a divergence, what does going back to the last good checkpoint need: a lower rate, or other batches?",
    arms={
        "twin": Arm(CLEAN, "SGD, lr 0.1, clean batches"),
        "bad": Arm(POISONED, "the same with one repeated byte as the whole batch at steps 60-63"),
        "bad-replay": Arm(POISONED, "back to step 40, nothing changed", drive=rollback(unchanged)),
        "bad-lower": Arm(POISONED, "back to step 40, then 0.15 times the rate, same batches", drive=rollback(lower_rate)),
        "twin-lower": Arm(CLEAN, "clean batches, the rate lowered in the same way", drive=rollback(lower_rate)),
        "bad-other": Arm(POISONED, "back to step 40, same rate, other batches up to step 79", drive=rollback(other_batches)),
        "bad-rule": Arm(
            POISONED,
            "no rollback: updates with a gradient norm above 4 times the median of the last 50 are skipped",
            parts=lambda config: {"scaler": OutlierSkipper()},
        ),
        "twin-rule": Arm(CLEAN, "the same rule on clean batches", parts=lambda config: {"scaler": OutlierSkipper()}),
        "hot": Arm(TOO_HOT, "clean batches, warmup over 140 steps to 3.0, thirty times the rate"),
        "hot-other": Arm(TOO_HOT, "the hot run: back to step 40, same rates, other batches", drive=rollback(other_batches)),
        "hot-lower": Arm(TOO_HOT, "the hot run: back to step 40, then 0.15 times the rates", drive=rollback(lower_rate)),
    },
    expectations={
        "replay-repeats-it": Expectation(
            "Going back and changing nothing repeats the run to the last bit.",
            lambda r: r["bad-replay"].column("loss")[NOTICED:] == r["bad"].column("loss")[CHECKPOINT:],
        ),
        "bad-batches-harm": Expectation(
            "The four bad batches raise the loss of the 16 clean steps after them by more than 0.3 nat.",
            lambda r: harm(r, "bad") > 0.3,
        ),
        "other-batches-cure-bad-data": Expectation(
            "Where batches did it, going back and using others at the same rate ends within 0.1 nat of the untouched twin.",
            lambda r: abs(gap(r, "bad-other")) < 0.1,
        ),
        "lower-rate-does-not": Expectation(
            "There a lower rate ends more than 0.1 nat above the twin.", lambda r: gap(r, "bad-lower") > 0.1
        ),
        "lower-rate-tames-bad-data": Expectation(
            (
                "At the lower rate the bad batches do less than 0.8 of that harm on those 16 steps, against a twin slowed in "
                "the same way."
            ),
            lambda r: harm(r, "bad-lower", "twin-lower") < 0.8 * harm(r, "bad"),
        ),
        "rule-beats-nothing": Expectation(
            "Skipping outlier updates, without any rollback, ends lower than the untreated run.",
            lambda r: final(r["bad-rule"]) < final(r["bad"]),
        ),
        "rule-catches-all": Expectation(
            "The rule skips all four bad updates.", lambda r: all(r["bad-rule"].records[step].skipped for step in BAD)
        ),
        "hot-diverges": Expectation("The hot run diverges on clean batches.", lambda r: diverged(r["hot"])),
        "other-batches-do-not-cure-heat": Expectation(
            "Where the rate did it, other batches at the same rates diverge again.",
            lambda r: diverged(r["hot-other"]),
        ),
        "lower-rate-cures-heat": Expectation(
            "There a lower rate trains: it ends within 0.5 nat of the run that was never hot.",
            lambda r: abs(gap(r, "hot-lower")) < 0.5,
        ),
    },
    control=("bad-other", "bad-lower"),
    quantities={
        "bad-harm": Quantity(
            "loss above the twin's on the 16 clean steps after the bad batches", lambda r: harm(r, "bad"), "nats"
        ),
        "bad-gap": Quantity("final gap to the twin, untreated", lambda r: gap(r, "bad"), "nats"),
        "lower-gap": Quantity("final gap to the twin, rollback and 0.15 times the rate", lambda r: gap(r, "bad-lower"), "nats"),
        "lower-harm": Quantity(
            "loss above the slowed twin's on those 16 steps, rollback and 0.15 times the rate",
            lambda r: harm(r, "bad-lower", "twin-lower"),
            "nats",
        ),
        "lower-price": Quantity("the same on clean batches: what the lower rate costs", lambda r: gap(r, "twin-lower"), "nats"),
        "other-gap": Quantity("final gap to the twin, rollback and other batches", lambda r: gap(r, "bad-other"), "nats"),
        "rule-gap": Quantity("final gap to the twin, outlier updates skipped", lambda r: gap(r, "bad-rule"), "nats"),
        "rule-false-skips": Quantity("updates the rule skips on clean batches", lambda r: skips(r["twin-rule"]), "steps"),
        "hot-lower-gap": Quantity(
            "final gap to the twin, the hot run after rollback and 0.15 times the rates", lambda r: gap(r, "hot-lower"), "nats"
        ),
    },
    columns=(*CURVES, "skipped", "lr"),
    shows=(
        "What a rollback needs depends on the cause. When the rate did it, a lower rate trains, and other batches diverge "
        "again. When batches did it, other batches at the same rate undo all of it, and so does skipping the outlier updates as "
        "they come; a lower rate rides the same batches out at the price of slower training. Going back and changing nothing "
        "repeats the run to the last bit."
    ),
    does_not_show=(
        "How to tell the causes apart beforehand. The price of the lower rate is that of a short run, where it had no time to "
        "catch up. The rule's threshold was not tuned: it skips clean updates too in some runs, at times many in a row. The "
        "curves of the arms that go back hold the abandoned steps as well."
    ),
)
