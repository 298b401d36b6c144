"""Mystery runs: an incident nobody has seen, a budget of diagnostics, a verdict, and the replay that judges the cure.

The player sees the loss curve, buys ``Evidence`` from a ``Game``, and names causes and cures. The cure is judged by what it does:
the same run is replayed with it, and its end compared with that of the *healthy twin*, the plan without a fault. ``mystery_room``
is the face in a notebook, ``expert`` a player by rule.

Settings and the expert's limits were found on seeds below 1000. On seeds 1100-1119 the expert was right 20 times of 20; the mix
of kinds was changed afterwards, because a rule that reads the curve alone named too many. Seeds 1120-1139 decide.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from stabilitylab import workspace
from stabilitylab.mystery.incidents import ABSENT, CAUSES, FAULTS, Incident, Setup, Trace, Watch, trace
from stabilitylab.training.diagnosis import find_spikes

VERSION = 1
BUDGET = 10
GAP = 0.15
"""A replay that ends at most so many nats above the healthy twin counts as cured."""
_AROUND = 10  # steps on either side of the chosen one that a skip leaves out

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
            ValueError: if a cause or a cure is unknown, there is none or too many, a step is missing, or a verdict was given
                before.
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
    ends = (
        f"With {' and '.join(repr(CURES[name].label) for name in cures)} the run {_ends(after)}; untreated it {_ends(before)}, "
        f"its healthy twin {_ends(twin)}."
    )
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
