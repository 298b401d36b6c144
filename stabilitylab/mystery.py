"""Mystery runs: an incident nobody has seen, a budget of diagnostics, a verdict, and the replay that judges the cure.

An incident is drawn from its seed and trained on the spot: a healthy plan, and none, one or two faults on top of it. The player sees the loss curve, buys ``Evidence`` from
a ``Game``, and names causes and cures. The cure is judged by what it does: the same run is replayed with it, and its end compared with that of the *healthy twin*, the plan
without a fault. ``mystery_room`` is the face in a notebook.

Settings and the expert's limits were found on seeds below 1000; seeds 1100-1119 decide. After those had
been played once (20 of 20), the mix of kinds was changed, because a rule that reads the curve alone named too many; so they are fresh incidents, and the mix is not.

Also tried: the training loss as judge (a run that goes on being fed one byte ends low); a jolt of the rate under SGD (it does nothing to one run and kills the next).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from random import Random
from statistics import fmean, median
from typing import Any

from stabilitylab import workspace
from stabilitylab.corpus import Injection
from stabilitylab.diagnosis import find_spikes
from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.model import ModelConfig
from stabilitylab.precision import DynamicLossScaler, StaticLossScaler
from stabilitylab.telemetry import Run, gradient_norm_by_layer
from stabilitylab.training import RunConfig, Trainer

VERSION = 1
BUDGET = 10
GAP = 0.15
"""A replay that ends at most so many nats above the healthy twin counts as cured."""
CAUSES = ("data", "learning rate", "numerics", "conditioning", "nothing")
_FRESH = 100_000  # where the batches come from that stand in for skipped ones: no run is so long
_AROUND = 10  # steps on either side of the chosen one that a skip leaves out

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
    rate_until: int = _FRESH
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
            batches=lambda step: clean(step + _FRESH if step in self.skipped else step),
        )


@dataclass(frozen=True)
class Trace:
    """A finished run.

    Attributes:
        run: its records.
        layers: the gradient norm of every block, at every step.
        held_out: its loss on held-out text at the end, in nats per byte; inf if it died. Training loss would be no judge: a run that goes on being fed
            one byte ends low.
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
    "burst": Fault("data", _burst, "The text of the batch at the step of the jump is no text; the rate there is the one before it."),
    "shard": Fault("data", _shard, "The text at any of the jumps is no text, and the rate never jumps; skipping some jumps leaves the others."),
    "hot": Fault("learning rate", _hot, "The update ratio is above 0.015 from the first steps on, where 0.002 to 0.01 is usual, with ordinary attention logits at step 0."),
    "slow": Fault("learning rate", _slow, "The update ratio is below 0.001, where 0.002 to 0.01 is usual, while next to nothing is flushed to zero."),
    "jolt": Fault("learning rate", _jolt, "The rate applied jumps at the step of the spike, and the batch there is ordinary text."),
    "overflow": Fault("numerics", _overflow, "The run dies of inf or NaN while its loss is far from that, and the re-run in fp32 goes on."),
    "underflow": Fault("numerics", _underflow, "Most gradient elements are flushed to zero, and the re-run in fp32 trains."),
    "depth": Fault("conditioning", _depth, "Loss, gradient norms and attention logits are far too large at step 0, before any update."),
    "weights": Fault("conditioning", _weights, "The attention logits are ten times the usual two at step 0, before any update."),
    "noise": Fault("nothing", _noise, "The batches hold one row, so the curve is rough; every diagnostic is ordinary."),
    "skips": Fault("nothing", _skips, "The loss scaler finds its level by a few skipped steps, and the batches hold one row: no update was inf, and nothing is flushed."),
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
    "learning rate": "You named the learning rate: the rate applied makes no jump, and is neither ten times too high nor ten times too low.",
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


DIAGNOSTICS: Mapping[str, tuple[str, int]] = {
    "gradient": ("gradient norm", 1),
    "layers": ("gradient norm by block", 1),
    "update": ("update ratio", 1),
    "logits": ("largest attention logit", 1),
    "numbers": ("inf or NaN, and flushed to zero", 1),
    "rate": ("learning rate applied", 1),
    "settings": ("settings file", 1),
    "text": ("text of the batch at a step", 1),
    "fp32": ("re-run in fp32", 3),
    "skip": ("re-run without the batches around a step", 3),
}
"""What can be bought: a name for the screen, and a price."""
AT_A_STEP = ("text", "skip")
COLUMNS = {
    "gradient": ("grad_norm",),
    "update": ("update_ratio",),
    "logits": ("max_attention_logit",),
    "numbers": ("nonfinite_fraction", "flushed_fraction"),
    "rate": ("lr",),
}


def _skip(run: Setup, step: int) -> Setup:
    return replace(run, skipped=frozenset(range(step - _AROUND, step + _AROUND + 1)))


@dataclass(frozen=True)
class Cure:
    """A change to the run: its name on the screen, the causes it is meant for, and what it does (with the step chosen)."""

    label: str
    causes: tuple[str, ...]
    do: Callable[[Setup, int], Setup]


CURES = {
    "clip": Cure("clip the gradient norm at 1.0", (), lambda run, _: run.change(clip_norm=1.0)),
    "file": Cure("apply the rate of the settings file", ("learning rate",), lambda run, _: replace(run, rate_factor=1.0)),
    "tenth": Cure("a tenth of the rate", ("learning rate",), lambda run, _: run.change(lr=run.config.lr / 10)),
    "tenfold": Cure("ten times the rate", ("learning rate",), lambda run, _: run.change(lr=run.config.lr * 10)),
    "warmup": Cure(
        "warm up over half of the run", ("learning rate",), lambda run, _: run.change(warmup_steps=run.config.steps // 2)
    ),
    "skip": Cure("skip the batches around the step", ("data",), _skip),
    "filter": Cure("drop every batch that is not text", ("data",), lambda run, _: run.change(injections=())),
    "scale": Cure("dynamic loss scale", ("numerics",), lambda run, _: replace(run, dynamic=True)),
    "fp32": Cure("fp32", ("numerics",), lambda run, _: run.change(dtype="fp32")),
    "bf16": Cure("bf16", ("numerics",), lambda run, _: run.change(dtype="bf16")),
    "norms": Cure("norms before every branch", ("conditioning",), lambda run, _: run.change(model__norm="pre")),
    "init": Cure(
        "initial weights a quarter as large",
        ("conditioning",),
        lambda run, _: run.change(model__init_gain=run.config.model.init_gain / 4),
    ),
    "leave": Cure("leave it alone", ("nothing",), lambda run, _: run),
}


@dataclass(frozen=True)
class Evidence:
    """What was bought.

    Attributes:
        name: in ``DIAGNOSTICS``.
        step: the step it was asked about, None where there is none.
        values: what it shows: one list a curve; for the text the bytes read and asked for, row by row; for the file its lines.
    """

    name: str
    step: int | None
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Verdict:
    """What a player says: one or two causes, one or two cures, and the step around which to skip."""

    causes: frozenset[str]
    cures: tuple[str, ...]
    step: int | None = None


@dataclass(frozen=True)
class Score:
    """How a verdict fared: points of 100, in their three parts, the sentences that say why, and the replay."""

    cause: int
    cost: int
    cure: int
    sentences: tuple[str, ...]
    replay: Trace

    @property
    def points(self) -> int:
        return self.cause + self.cost + self.cure


class Game:
    """One incident being played: the curve, what was bought, and what is left to spend.

    Attributes:
        incident: what is played.
        bought: the evidence so far, in order.
        left: points left of ``BUDGET``.
        score: set by ``verdict``.
    """

    def __init__(self, incident: Incident):
        self.incident = incident
        self.bought: list[Evidence] = []
        self.left = BUDGET
        self.score: Score | None = None

    @property
    def steps(self) -> int:
        """The steps the run was meant to have."""
        return self.incident.setup.config.steps

    @property
    def curve(self) -> list[float]:
        """The loss of every step, which costs nothing."""
        return self.incident.trace.run.column("loss")

    def buy(self, name: str, step: int | None = None) -> Evidence:
        """Pays for a diagnostic; what was bought already is shown again at no cost.

        Args:
            name: in ``DIAGNOSTICS``.
            step: for those that are about a step.

        Raises:
            ValueError: if there is no such diagnostic or step, the points do not suffice, or the verdict was given.
        """
        if name not in DIAGNOSTICS:
            raise ValueError(f"name is {name!r}; choose one of {', '.join(DIAGNOSTICS)}")
        step = _checked(step, self.steps) if name in AT_A_STEP else None
        for had in self.bought:
            if (had.name, had.step) == (name, step):
                return had
        label, price = DIAGNOSTICS[name]
        if self.score:
            raise ValueError("the verdict was given; begin another incident")
        if price > self.left:
            raise ValueError(
                f"the {label} costs {price} and {self.left} points are left; choose a cheaper one or give the verdict"
            )
        evidence = Evidence(name, step, _measure(self.incident, name, step))
        self.left -= price
        self.bought.append(evidence)
        return evidence

    def verdict(self, given: Verdict, watch: Watch | None = None) -> Score:
        """Replays the run with the cures, scores the verdict, and keeps the result in ``work/mysteries.json``.

        Raises:
            ValueError: if a cause or a cure is unknown, there is none or too many, a step is missing, or a verdict was given before.
        """
        if self.score:
            raise ValueError("the verdict was given; begin another incident")
        _check_choice("causes", given.causes, CAUSES, alone="nothing")
        _check_choice("cures", given.cures, CURES, alone="leave")
        if "skip" in given.cures:
            _checked(given.step, self.steps)
        replay = cured(self.incident, given.cures, given.step, watch)
        points, sentence = _judge(self.incident, given.cures, replay)
        right, said = self.incident.causes, given.causes
        self.score = Score(
            cause=round(50 * len(right & said) / len(right | said)),
            cost=20 * self.left // BUDGET,
            cure=points,
            sentences=(*_explain(self.incident, said), sentence),
            replay=replay,
        )
        _keep(self, given)
        return self.score


def cured(incident: Incident, cures: Collection[str], step: int | None = None, watch: Watch | None = None) -> Trace:
    """The same run, same weights and same batches, with the cures (names in ``CURES``)."""
    setup = incident.setup
    for name in CURES:  # in one order, whatever the order of choice
        if name in cures:
            setup = CURES[name].do(setup, step or 0)
    return incident.trace if setup == incident.setup else trace(setup, watch)


def gap(incident: Incident, replay: Trace) -> float:
    """How far above the healthy twin a replay ends on held-out text, in nats; inf if it died."""
    return replay.held_out - incident.twin.held_out


def results() -> dict[str, list[dict[str, Any]]]:
    """Every game kept so far: seed -> attempts, the first one first."""
    return workspace.load("mysteries", VERSION)


def _keep(game: Game, given: Verdict) -> None:
    assert game.score
    attempt = {
        "when": time.strftime("%Y-%m-%d %H:%M"),
        "causes": sorted(given.causes),
        "cures": list(given.cures),
        "bought": [evidence.name for evidence in game.bought],
        "points": game.score.points,
    }
    kept, key = results(), str(game.incident.seed)
    workspace.save("mysteries", VERSION, kept | {key: [*kept.get(key, []), attempt]})


def _checked(step: int | None, steps: int) -> int:
    if step is None or not 0 <= step < steps:
        raise ValueError(f"step is {step}; choose one from 0 to {steps - 1}")
    return step


def _check_choice(what: str, given: Collection[str], known: Collection[str], alone: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{what} holds {unknown[0]!r}; choose from {', '.join(known)}")
    if not 1 <= len(given) <= 2 or (alone in given and len(given) > 1):
        raise ValueError(f"{what} holds {len(given)}; choose one or two, and {alone!r} only by itself")


def _measure(incident: Incident, name: str, step: int | None) -> dict[str, Any]:
    run, setup = incident.trace.run, incident.setup
    if name in COLUMNS:
        return {column: run.column(column) for column in COLUMNS[name]}
    if name == "layers":
        return {f"block {i}": list(norms) for i, norms in enumerate(zip(*incident.trace.layers), start=1)}
    if name == "settings":
        return _file(incident)
    if name == "text":
        assert step is not None
        inputs, targets = setup.trainer().batches(step)
        return {"inputs": inputs.tolist(), "targets": targets.tolist()}
    again = setup.change(dtype="fp32") if name == "fp32" else _skip(setup, step or 0)
    return {"loss": trace(again).run.column("loss")}


def _file(incident: Incident) -> dict[str, str]:
    """What was configured: the rate as the file has it, everything else as it was meant."""
    config, plan = incident.setup.config, incident.plan.config
    return {
        "optimizer": config.optimizer,
        "peak learning rate": f"{config.lr:.3g}",
        "warmup steps": str(config.warmup_steps),
        "precision": config.dtype,
        "loss scale": "dynamic" if incident.plan.dynamic else f"{plan.loss_scale:g}, fixed",
        "batch": f"{config.batch_size} x {config.model.context} bytes",
        "model": f"{config.model.layers} layers, width {config.model.width}, pre-LN, Xavier initialisation",
    }


def _judge(incident: Incident, cures: Sequence[str], replay: Trace) -> tuple[int, str]:
    """Points for a cure, out of 30, by what its replay did; and the sentence."""
    before, after, twin = incident.trace.held_out, replay.held_out, incident.twin.held_out
    ends = f"With {' and '.join(repr(CURES[name].label) for name in cures)} the run {_ends(after)}; untreated it {_ends(before)}, its healthy twin {_ends(twin)}."
    if after - twin <= GAP:
        needless = incident.causes == {"nothing"} and "leave" not in cures
        return 30, f"{ends} {'It did no harm, and nothing needed it.' if needless else 'That is a cure.'}"
    if after < before - GAP:
        return 10, f"{ends} That helps, and leaves a gap of more than {GAP} nats."
    return 0, f"{ends} That is no cure."


def _ends(loss: float) -> str:
    return f"ends at {loss:.2f} nats on held-out text" if math.isfinite(loss) else "dies"


def _explain(incident: Incident, said: Collection[str]) -> list[str]:
    """One sentence per cause: named rightly, named wrongly, missed."""
    sentences = []
    for name in incident.faults:
        fault = FAULTS[name]
        sentences.append(f"{'Right' if fault.cause in said else 'Missed'}: {fault.cause}. {fault.tells}")
    return sentences + [ABSENT[cause] for cause in CAUSES if cause in said and cause not in incident.causes]


def expert(incident: Incident) -> tuple[Game, Verdict]:
    """Plays an incident by rule, from the curve and what it buys within the budget; the verdict is not yet given.

    The limits on the update ratio and on the attention logit at step 0 fit the models of this game, and no others.
    """
    game = Game(incident)
    causes: dict[str, str] = {}  # cause -> cure
    curve = game.curve
    died = len(curve) < game.steps
    flushed = fmean(game.buy("numbers").values["flushed_fraction"]) > 0.3
    if game.buy("logits").values["max_attention_logit"][0] > 8:
        causes["conditioning"] = "init"
    too_high, too_low = _updates(game.buy("update").values["update_ratio"])
    rates = game.buy("rate").values["lr"]
    jumps = any(after > 3 * before for before, after in pairwise(rates) if before > 0)
    if jumps or (too_high and "conditioning" not in causes) or (too_low and not flushed):
        causes["learning rate"] = "file"
        peak = float(game.buy("settings").values["peak learning rate"])
        if max(rates) < 1.1 * peak and (too_high or max(rates) > 0.5 * peak):
            causes["learning rate"] = "tenth" if too_high else "tenfold"
    if flushed or (died and (curve[-1] < curve[0] + 1 or (not too_high and _survives(game)))):
        causes["numerics"] = "fp32"
    step = next((s for s in _suspects(curve) if game.left and _no_text(game.buy("text", s).values)), None)
    if step is not None:
        causes["data"] = "filter"
    return game, Verdict(frozenset(causes) or frozenset({"nothing"}), tuple(causes.values()) or ("leave",), step)


def _survives(game: Game) -> bool:
    """Whether the run ends calmly in fp32: for a death out of a loss that was not calm, if the points suffice."""
    if game.left < DIAGNOSTICS["fp32"][1]:
        return False
    again = game.buy("fp32").values["loss"]
    return len(again) == game.steps and again[-1] < game.curve[0]


def _updates(ratios: Sequence[float]) -> tuple[bool, bool]:
    """Whether the update ratio is too high, or too low, early in the run but after the shortest warmup."""
    usual = median(ratios[10:30] or ratios)
    return usual > 0.015, usual < 0.0015


def _suspects(curve: Sequence[float]) -> list[int]:
    """Steps whose batch is worth a look: where spikes begin, the highest first, three at most."""
    return sorted(find_spikes(curve), key=lambda step: -curve[step])[:3]


def _no_text(batch: Mapping[str, Any]) -> bool:
    """Whether a batch is no text: hardly a printable byte, or one byte over and over."""
    read, asked = (bytes(byte for row in batch[part] for byte in row) for part in ("inputs", "targets"))
    printable = fmean(32 <= byte < 127 or byte == 10 for byte in read)
    return printable < 0.9 or len(set(read)) == 1 or len(set(asked)) == 1
