"""Incidents: a healthy plan, and none, one or two faults on top of it, drawn from a seed and trained on the spot. ``mystery``
makes a game of them.

Also tried: the training loss as judge of a run (one that goes on being fed one byte ends low); a jolt of the rate under SGD (it
does nothing to one run and kills the next); shuffled labels (too mild to be seen).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from random import Random
from typing import Any

from stabilitylab.experiments.precision.fp16_underflow import MicroBatch
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.precision import DynamicLossScaler, StaticLossScaler
from stabilitylab.training.telemetry import Run, gradient_norm_by_layer

CAUSES = ("data", "learning rate", "numerics", "conditioning", "nothing")
FRESH_BATCHES = 100_000
"""Where the batches come from that stand in for skipped ones: no run is so long."""

Watch = Callable[[int, int], None]
"""Told after every step how many steps are done, and of how many."""


class _GrowingLossScaler(StaticLossScaler):
    """Multiplies the loss scale after every step, and never backs off."""

    def __init__(self, scale: float, growth: float):
        super().__init__(scale)
        self.growth = growth

    def update(self, found_inf: bool) -> None:
        self.loss_scale *= self.growth


@dataclass(frozen=True)
class Setup:
    """One run as it is really done: its settings, and what the trainer does otherwise.

    Attributes:
        config: the settings, injected batches included.
        rate_factor: multiplies the scheduled learning rate from step ``rate_from`` to ``rate_until`` (not included).
        dynamic: whether the loss scale seeks its own level.
        growth: factor on the loss scale after every step where it does not.
        micro_batches: the loss is divided by this before the backward pass, the gradient multiplied by it after.
        skipped: steps whose batch is replaced by a fresh one.
    """

    config: RunConfig
    rate_factor: float = 1.0
    rate_from: int = 0
    rate_until: int = FRESH_BATCHES
    dynamic: bool = False
    growth: float = 1.0
    micro_batches: int = 1
    skipped: frozenset[int] = frozenset()

    def change(self, **settings: Any) -> Setup:
        """A copy with other settings, named as in ``RunConfig.replace``."""
        return replace(self, config=self.config.replace(**settings))

    def trainer(self) -> Trainer:
        """The run, about to happen."""
        kept = tuple(replace(i, steps=tuple(s for s in i.steps if s not in self.skipped)) for i in self.config.injections)
        config = self.config.replace(injections=kept, on_nonfinite="stop")
        plan, clean = config.schedule(), Trainer(config.replace(injections=())).batches
        # From 2^24 it backs off within a few steps to what the gradients bear, micro-batches or not.
        scaler = DynamicLossScaler(2.0**24) if self.dynamic else _GrowingLossScaler(config.loss_scale, self.growth)
        return Trainer(
            config,
            schedule=lambda step: plan(step) * (self.rate_factor if self.rate_from <= step < self.rate_until else 1.0),
            scaler=MicroBatch(self.micro_batches, scaler),
            batches=lambda step: clean(step + FRESH_BATCHES if step in self.skipped else step),
        )


@dataclass(frozen=True)
class Trace:
    """A finished run.

    Attributes:
        run: its records.
        layers: the gradient norm of every block, at every step.
        held_out: its loss on held-out text at the end, in nats per byte; inf if it died. Training loss would be no judge: a run
            that goes on being fed one byte ends low.
    """

    run: Run
    layers: Sequence[Sequence[float]]
    held_out: float


def trace(setup: Setup, watch: Watch | None = None) -> Trace:
    """Trains a run to its end, or to its first non-finite step."""
    trainer = setup.trainer()
    records, layers = [], []
    for record in trainer.steps():
        records.append(record)
        layers.append(gradient_norm_by_layer(trainer.model))
        if watch:
            watch(len(records), setup.config.steps)
    alive = not records[-1].nonfinite
    held_out = trainer.validation_loss() if alive else math.inf
    return Trace(trainer.result(records, "the run"), layers, held_out if math.isfinite(held_out) else math.inf)


# What can go wrong. Each fault takes the run, a source of chance and the step at which it strikes, if it strikes at one.


def _burst(run: Setup, chance: Random, at: int) -> Setup:
    kind = chance.choice(("repeated_byte", "one_label", "rare_document", "random_bytes"))
    return run.change(injections=(Injection(kind, tuple(range(at, at + chance.randint(9, 12)))),))


def _shard(run: Setup, chance: Random, at: int) -> Setup:
    kind = chance.choice(("one_label", "rare_document", "random_bytes"))
    return run.change(injections=(Injection(kind, tuple(range(at - 20, run.config.steps, chance.choice((2, 3))))),))


def _rate(run: Setup, chance: Random, factor: float) -> Setup:
    """Wrong in the settings file, or in the trainer, which then does not do what the file says."""
    return run.change(lr=run.config.lr * factor) if chance.random() < 0.5 else replace(run, rate_factor=factor)


def _not_fp16(run: Setup) -> Setup:
    """What explodes could overflow fp16 before it would die in fp32, and numerics would be a cause too."""
    return run.change(dtype="bf16") if run.config.dtype == "fp16" else run


def _hot(run: Setup, chance: Random, at: int) -> Setup:
    return _rate(_not_fp16(run), chance, chance.uniform(10, 15) if run.config.optimizer == "adam" else chance.uniform(7, 10))


def _slow(run: Setup, chance: Random, at: int) -> Setup:
    return _rate(run, chance, 1 / chance.uniform(12, 16))


def _jolt(run: Setup, chance: Random, at: int) -> Setup:
    return replace(run, rate_factor=chance.uniform(20, 30), rate_from=at, rate_until=at + chance.randint(7, 9))


def _overflow(run: Setup, chance: Random, at: int) -> Setup:
    # fp16 gradients of these models overflow at a scale near 2^19.5
    return replace(run.change(dtype="fp16", loss_scale=4.0), growth=2 ** (17.5 / at))


def _underflow(run: Setup, chance: Random, at: int) -> Setup:
    changed = run.change(dtype="fp16", loss_scale=1.0)
    return replace(changed, micro_batches=2 ** chance.randint(13, 16))


def _depth(run: Setup, chance: Random, at: int) -> Setup:
    return _not_fp16(run).change(model__norm="none")


def _weights(run: Setup, chance: Random, at: int) -> Setup:
    return run.change(model__init_gain=chance.uniform(3.5, 6.0))


def _noise(run: Setup, chance: Random, at: int) -> Setup:
    return run.change(batch_size=1)


def _skips(run: Setup, chance: Random, at: int) -> Setup:
    return replace(_noise(run, chance, at).change(dtype="fp16"), dynamic=True)


@dataclass(frozen=True)
class Fault:
    """One thing that can be wrong, or look so: its cause, how it is done, and the evidence that tells it apart."""

    cause: str
    do: Callable[[Setup, Random, int], Setup]
    tells: str


FAULTS = {
    "burst": Fault("data", _burst, (
        "The text of the batch at the step of the jump is no text; the rate "
        "there is the one before it."
    )),
    "shard": Fault("data", _shard, (
        "The text at any of the jumps is no text, and the rate never jumps; skipping "
        "some jumps leaves the others."
    )),
    "hot": Fault("learning rate", _hot, (
        "The update ratio is above 0.015 from the first steps on, where 0.002 to 0.01 is usual, with ordinary attention logits "
        "at step 0."
    )),
    "slow": Fault("learning rate", _slow, (
        "The update ratio is below 0.001, where 0.002 to 0.01 is usual, while next to "
        "nothing is flushed to zero."
    )),
    "jolt": Fault("learning rate", _jolt, (
        "The rate applied jumps at the step of the spike, and the batch "
        "there is ordinary text."
    )),
    "overflow": Fault("numerics", _overflow, (
        "The run dies of inf or NaN while its loss is far from that, and the "
        "re-run in fp32 goes on."
    )),
    "underflow": Fault("numerics", _underflow, "Most gradient elements are flushed to zero, and the re-run in fp32 trains."),
    "depth": Fault("conditioning", _depth, (
        "Loss, gradient norms and attention logits are far too large at "
        "step 0, before any update."
    )),
    "weights": Fault("conditioning", _weights, "The attention logits are ten times the usual two at step 0, before any update."),
    "noise": Fault("nothing", _noise, "The batches hold one row, so the curve is rough; every diagnostic is ordinary."),
    "skips": Fault("nothing", _skips, (
        "The loss scaler finds its level by a few skipped steps, and the batches hold one row: no update was inf, and nothing "
        "is flushed."
    )),
}  # fmt: skip
KINDS: tuple[tuple[str, ...], ...] = (
    *((name,) for name in FAULTS),
    ("slow", "burst"),
    ("burst", "overflow"),
    ("weights", "burst"),
    ("weights", "overflow"),
    ("jolt", "overflow"),
    # twice as likely, because from the curve they look like something else
    ("jolt",),
    ("jolt", "overflow"),
    ("hot",),
    ("noise",),
)
ABSENT = {
    "data": "You named the data: every batch of this run is ordinary text, at the jumps too.",
    "learning rate": (
        "You named the learning rate: the rate applied makes no jump, and is neither ten times too high nor ten times too low."
    ),
    "numerics": "You named numerics: next to nothing is flushed to zero, and the re-run in fp32 is no cure.",
    "conditioning": "You named conditioning: at step 0 the loss, the gradient norms and the attention logits are ordinary.",
    "nothing": "You said that nothing is wrong: the healthy twin of this run ends lower, or lives where it dies.",
}


@dataclass(frozen=True)
class Incident:
    """A run with something wrong, or nothing; equal seeds give equal incidents.

    Attributes:
        seed: what it was drawn from.
        trace: what happened.
        setup: how it was really done: not for the player.
        plan: the healthy twin: not for the player.
        faults: names in ``FAULTS``: not for the player.
    """

    seed: int
    trace: Trace = field(repr=False)
    setup: Setup = field(repr=False)
    plan: Setup = field(repr=False)
    faults: tuple[str, ...] = field(repr=False)

    @property
    def causes(self) -> frozenset[str]:
        """The truth: not for the player."""
        return frozenset(FAULTS[name].cause for name in self.faults)

    @cached_property
    def twin(self) -> Trace:
        """The same run with nothing wrong."""
        return self.trace if self.plan == self.setup else trace(self.plan)


def incident(seed: int, watch: Watch | None = None) -> Incident:
    """Draws an incident and trains it: one or two seconds.

    Args:
        seed: decides everything, from 0.
        watch: told after every step.

    Raises:
        ValueError: if the seed is no whole number from 0.
    """
    if not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed is {seed!r}; choose a whole number from 0, such as 7")
    plan, setup, faults = _draw(seed)
    return Incident(seed, trace(setup, watch), setup, plan, faults)


def _draw(seed: int) -> tuple[Setup, Setup, tuple[str, ...]]:
    """The healthy plan, the run that is done instead, and the faults between them."""
    chance = Random(f"mystery {seed}")
    faults = chance.choice(KINDS)
    plan = run = _plan(seed, chance, faults)
    # two faults that strike at a step keep apart, so that each can be seen
    places = [(0.55, 0.65)] if len(faults) == 1 else [(0.3, 0.35), (0.68, 0.75)]
    for name, (low, high) in zip(faults, places, strict=True):
        run = FAULTS[name].do(run, chance, round(run.config.steps * chance.uniform(low, high)))
    if faults[0] in ("noise", "skips"):
        plan = run
    # the twin computes in the run's precision, with the loss scale that was planned
    return plan.change(dtype=run.config.dtype), run, faults


def _plan(seed: int, chance: Random, faults: Collection[str]) -> Setup:
    # a jolt of the rate does nothing to one run of SGD and kills the next; Adam is hurt and lives
    optimizer = "adam" if "jolt" in faults else chance.choice(("sgd", "adam"))
    model = ModelConfig(layers=8 if "depth" in faults else chance.choice((2, 2, 3)), width=32, heads=2, context=32, init="xavier")
    config = RunConfig(
        model=model,
        optimizer=optimizer,
        lr={"sgd": 0.1, "adam": 1e-2}[optimizer] * chance.uniform(0.8, 1.2),
        warmup_steps=chance.choice((5, 10, 15)),
        steps=chance.choice((84, 92, 100)),
        dtype=chance.choice(("fp32", "bf16", "fp16")),
        loss_scale=2.0**10,
        min_distinct_bytes=4,
        seed=seed,
    )
    return Setup(config)
