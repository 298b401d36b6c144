"""What assignment a6_capstone asks: a doomed run, saved by settings before the start and by a pilot during it.

The learner only decides. A probe brings back decisions, as plain numbers: the settings of ``prepare``, or what a pilot does at a
step. The model is trained from these decisions in a process where no learner's code ever ran, and the result is measured there; a
pilot is told of a step when it comes.
"""

from __future__ import annotations

import dataclasses
import json
import math
import queue
import random
import threading
from dataclasses import dataclass
from statistics import median
from typing import Any, Protocol

import torch
from torch import nn

from stabilitylab.exercises import Probe, Question, quiz
from stabilitylab.training import corpus, telemetry
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.numbers import number
from stabilitylab.training.telemetry import Run

HAZARDS = ("hot_lr", "overflow", "underflow", "bad_batches")
SETTINGS = ("lr", "warmup_steps", "decay", "betas", "eps", "weight_decay", "clip_norm", "loss_scale", "z_loss")
"""What ``prepare`` may change; everything else in a config stays as it is."""
TARGET = corpus.load().unigram_entropy - 0.1
"""The validation loss to reach, in nats per byte: a tenth of a nat below what byte counts alone give."""
LENIENCE = 0.05
"""Nats above the target that still count when points are given: on one mission in a hundred a sound pilot misses it by less."""
MOST_BAD_USED = MOST_GOOD_THROWN = 0.1
FLUSHED = 0.05  # a gradient that has lost more than this share of its elements is no good batch thrown away

SANE = RunConfig(
    model=ModelConfig(layers=2, width=32, heads=2, context=32, norm="none", init="torch"),
    steps=56,
    batch_size=8,
    lr=5e-3,
    dtype="fp16",
    loss_scale=1024.0,
    min_distinct_bytes=4,
    on_nonfinite="stop",
)
"""The run as it should have been set up; it trains."""
# First and last step at which a burst of bad batches may begin, and its length; the last one leaves no time to recover.
_BURSTS = ((16, 20, 3), (30, 36, 3), (49, 50, 6))
_BAD = ("random_bytes", "one_label", "rare_document")


def mission(seed: int, hazards: tuple[str, ...] | None = None) -> RunConfig:
    """A run in trouble.

    Args:
        seed: decides the weights, the batches, and where and what the bad batches are.
        hazards: which of ``HAZARDS``, default a hot learning rate, bad batches, and a loss scale that either overflows or
            underflows.

    Raises:
        ValueError: if a hazard is unknown.
    """
    rng = random.Random(f"mission {seed}")
    scale = rng.choice(("overflow", "underflow"))
    hazards = ("hot_lr", scale, "bad_batches") if hazards is None else hazards
    if unknown := sorted(set(hazards) - set(HAZARDS)):
        raise ValueError(f"hazards holds {unknown[0]!r}; choose from {', '.join(HAZARDS)}")
    config = SANE.replace(seed=seed)
    if "hot_lr" in hazards:
        config = config.replace(lr=5e-2)
    if "overflow" in hazards:
        config = config.replace(loss_scale=2.0**24)
    if "underflow" in hazards:
        config = config.replace(loss_scale=2.0**-16)
    if "bad_batches" in hazards:
        starts = [(rng.randint(first, last), length) for first, last, length in _BURSTS]
        bursts = [Injection(rng.choice(_BAD), tuple(range(start, start + length))) for start, length in starts]
        config = config.replace(injections=tuple(bursts))
    return config


@dataclass(frozen=True)
class Observation:
    """What a pilot sees at a step, after the backward pass and before the optimizer's step.

    Attributes:
        step: counted from 0.
        steps_left: steps after this one.
        loss: of this step's batch, in nats per byte.
        grad_norm: global norm of the gradients, unscaled and not clipped.
        nonfinite: whether any element of the gradients is inf or NaN.
        flushed: share of weight-gradient elements that are exactly zero.
        loss_scale: what the loss was multiplied by before this backward pass.
        lr: what the run's own schedule would use at this step.
    """

    step: int
    steps_left: int
    loss: float
    grad_norm: float
    nonfinite: bool
    flushed: float
    loss_scale: float
    lr: float


@dataclass(frozen=True)
class Action:
    """What a pilot does at a step; ``Action()`` leaves the run to itself.

    Attributes:
        lr: learning rate of this step's update, from 0 to 1; None for the schedule's.
        clip_norm: limit of the global norm at this step, above 0; None for no clipping.
        skip: leave this update out. The step is spent all the same.
        loss_scale: from the next step on, between 2^-30 and 2^40; None to keep it.
    """

    lr: float | None = None
    clip_norm: float | None = None
    skip: bool = False
    loss_scale: float | None = None


class Decides(Protocol):
    """A pilot. A new one is made, without arguments, for every flight."""

    def act(self, observation: Observation) -> Action:
        """Called at every step."""


@dataclass(frozen=True)
class Flight:
    """A run with a pilot in it.

    Attributes:
        run: as the training loop recorded it.
        actions: what the pilot did, one per step that was flown: a non-finite loss, or an update from a non-finite gradient, ends
            the flight.
        flushed: share of weight-gradient elements that were zero, one per step.
        validation_loss: at the end, in nats per byte.
    """

    run: Run
    actions: list[Action]
    flushed: list[float]
    validation_loss: float


def fly(config: RunConfig, pilot: Decides, label: str = "flight") -> Flight:
    """Runs a config in the course's own training loop and asks the pilot at every step.

    Raises:
        TypeError: if the pilot does not return an ``Action``.
        ValueError: if a number in it is out of range.
    """
    cockpit = _Cockpit(config, pilot)
    # the training loop does not know the pilot's rate; cockpit.actions grows by one at every step
    records = [
        dataclasses.replace(record, lr=record.lr if action.lr is None else action.lr)
        for record, action in zip(cockpit.trainer.steps(), cockpit.actions)
    ]
    run = cockpit.trainer.result(records, label)
    return Flight(run, cockpit.actions, cockpit.flushed, cockpit.trainer.validation_loss())


class _Cockpit:
    """Sits where the training loop expects a loss scaler and a clip function, and asks the pilot in between."""

    def __init__(self, config: RunConfig, pilot: Decides):
        self.pilot, self.loss_scale = pilot, config.loss_scale
        self.actions: list[Action] = []
        self.flushed: list[float] = []
        # an infinite limit makes the loop call clip at every step; the pilot's own limit is applied there
        self.trainer = Trainer(config.replace(clip_norm=math.inf), clip=self.clip, scaler=self)
        self.matrices = [m.weight for m in self.trainer.model.modules() if isinstance(m, nn.Linear)]

    def scale(self, loss):
        self.loss = loss.item()
        return loss * self.loss_scale

    def unscale_(self, parameters) -> bool:
        grads = telemetry.gradients(parameters)
        torch._foreach_div_(grads, self.loss_scale)
        step, norm = len(self.actions), telemetry.global_norm(grads)
        flushed = telemetry.zero_fraction(telemetry.gradients(self.matrices))
        seen = Observation(
            step=step,
            steps_left=self.trainer.config.steps - 1 - step,
            loss=self.loss,
            grad_norm=norm,
            nonfinite=not math.isfinite(norm),
            flushed=flushed,
            loss_scale=self.loss_scale,
            lr=self.trainer.schedule(step),
        )
        action = _checked(self.pilot.act(seen))
        if action.lr is not None:
            for group in self.trainer.optimizer.param_groups:
                group["lr"] = action.lr
        self.actions.append(action)
        self.flushed.append(flushed)
        return action.skip

    def clip(self, parameters, max_norm) -> None:
        limit = self.actions[-1].clip_norm
        if limit is not None:
            nn.utils.clip_grad_norm_(parameters, limit)

    def update(self, found_inf: bool) -> None:
        self.loss_scale = self.actions[-1].loss_scale or self.loss_scale


class NoAction(TypeError):
    """A pilot returned something else."""


class OutOfRange(ValueError):
    """A number in an action is not one that it may be."""


def _checked(action: Any) -> Action:
    """The action in plain numbers: a learner may compute with tensors or numpy.

    Raises:
        NoAction: if it is something else.
        OutOfRange: if a number in it is out of range.
    """
    if not isinstance(action, Action):
        raise NoAction(f"act returned {type(action).__name__}; return an Action")
    bounds = {"lr": (0.0, 1.0), "clip_norm": (1e-12, 1e12), "loss_scale": (2.0**-30, 2.0**40)}
    numbers: dict[str, Any] = {}
    for name, (low, high) in bounds.items():
        value = getattr(action, name)
        numbers[name] = value = None if value is None else float(number(value))
        if value is not None and not low <= value <= high:
            raise OutOfRange(f"{name} is {value}; it must lie between {low:g} and {high:g}")
    return Action(skip=bool(number(action.skip)), **numbers)


def debrief(flight: Flight, config: RunConfig, target: float = TARGET) -> dict[str, Any]:
    """What a flight achieved, and what it threw away.

    Args:
        flight: that was flown.
        config: of its mission.
        target: the validation loss to reach, in nats per byte, default ``TARGET``.

    Returns:
        ``validation_loss``, ``bad_used`` (share of the bad batches whose update was made), ``good_thrown`` (share of the good
        ones whose update was left out) and ``saved``, which is True if all three are within their limits and the run came to its
        end. Steps whose gradient was not finite, or more than 5% flushed, had nothing worth keeping: they are neither.
    """
    bad = {step for injection in config.injections for step in injection.steps}
    records = flight.run.records
    good = [i for i, r in enumerate(records) if i not in bad and math.isfinite(r.grad_norm) and flight.flushed[i] <= FLUSHED]
    bad_used = _share([not flight.actions[i].skip for i in sorted(bad) if i < len(records)])
    good_thrown = _share([flight.actions[i].skip for i in good])
    finished = len(records) == config.steps
    saved = finished and flight.validation_loss <= target and bad_used <= MOST_BAD_USED and good_thrown <= MOST_GOOD_THROWN
    return {"validation_loss": flight.validation_loss, "bad_used": bad_used, "good_thrown": good_thrown, "saved": saved}


def _share(flags: list[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def _some(share: float) -> str:
    return "none" if share == 0 else "few" if share <= 0.1 else "many" if share < 0.9 else "all"


def _rate(lr: float) -> str:
    return "zero" if lr == 0 else "crawl" if lr < 5e-4 else "usable" if lr < 2e-2 else "hot"


def _symptoms(flight: Flight, config: RunConfig) -> dict[str, Any]:
    """What went wrong, coarsely, so that two pilots with the same misconception have the same symptoms; nothing but ``saved`` if
    nothing did."""
    found = debrief(flight, config, TARGET + LENIENCE)
    if found["saved"]:
        return {"saved": True}
    overflowed = [not math.isfinite(r.grad_norm) for r in flight.run.records]
    finite = math.isfinite(flight.validation_loss)
    rates = [r.lr for r in flight.run.records]
    return {
        "saved": False,
        "finite": finite,
        "ended_at_once": len(rates) <= 2,
        "reached": flight.validation_loss <= TARGET,
        "bad_used": _some(found["bad_used"]),
        "good_thrown": _some(found["good_thrown"]),
        "skipped": _some(_share([a.skip for a in flight.actions])),
        "overflow_applied": any(o and not a.skip for o, a in zip(overflowed, flight.actions)),
        "overflowed": _share(overflowed) > 0.5,
        "flushed_late": finite and median(flight.flushed[len(flight.flushed) // 2 :]) > FLUSHED,
        "rate": _rate(median(rates)),
        "clips": any(a.clip_norm is not None for a in flight.actions),
        "scales": any(a.loss_scale not in (None, config.loss_scale) for a in flight.actions),
    }


def row(action: Action) -> list[Any]:
    """An action as plain data."""
    return list(dataclasses.astuple(action))


def action_of(data: Any) -> Action:
    """The inverse of ``row``, for data that may be anything.

    Raises:
        ValueError: if it is no well-formed action.
    """
    if not isinstance(data, list) or len(data) != 4 or type(data[2]) is not bool:
        raise ValueError("an action is not of the form lr, clip_norm, skip, loss_scale")
    if not all(value is None or type(value) in (int, float) for value in (data[0], data[1], data[3])):
        raise ValueError("an action holds something that is no number")
    try:
        return _checked(Action(*data))
    except OverflowError:
        raise ValueError("an action holds a number that is too large") from None


class _Tower:
    """The partner of a pilot: the run is trained here, and the pilot's process is told one observation at a time.

    The run waits in a thread for the pilot's next action, because the training loop calls, and is not called.
    """

    def __init__(self, config: RunConfig):
        self._config = config
        self._observations: queue.SimpleQueue[Observation | None] = queue.SimpleQueue()
        self._actions: queue.SimpleQueue[Action | None] = queue.SimpleQueue()
        self._flown: list[Flight | Exception] = []
        self._thread = threading.Thread(
            target=_fly_in_a_thread, args=(config, self._observations, self._actions, self._flown), daemon=True
        )

    def reply(self, message: Any) -> dict[str, Any] | None:
        """From the action at one step (None at first) to the next observation; None once the flight is over."""
        if not self._thread.is_alive():
            if self._flown:
                raise ValueError("the flight is over")
            self._thread.start()
        else:
            self._actions.put(action_of(message))
        seen = self._observations.get()
        return None if seen is None else dataclasses.asdict(seen)

    def settle(self, answer: Any) -> dict[str, Any]:
        """The symptoms of the flight that was flown."""
        if not self._flown:
            raise ValueError("the flight was left before its end")
        if isinstance(self._flown[0], Exception):
            raise self._flown[0]
        return _symptoms(self._flown[0], self._config)

    def __del__(self) -> None:
        self._actions.put(None)  # nobody flies on


class _Left(Exception):
    """The pilot left the run before its end."""


class _Remote:
    """A pilot that is somewhere else."""

    def __init__(self, observations: queue.SimpleQueue[Observation | None], actions: queue.SimpleQueue[Action | None]):
        self.observations, self.actions = observations, actions

    def act(self, observation: Observation) -> Action:
        self.observations.put(observation)
        action = self.actions.get()
        if action is None:
            raise _Left
        return action


def _fly_in_a_thread(config: RunConfig, observations: Any, actions: Any, flown: list[Flight | Exception]) -> None:
    try:
        flown.append(fly(config, _Remote(observations, actions)))
    except Exception as error:
        flown.append(error)
    observations.put(None)


def _flight_probe(name: str, sentence: str, hazards: tuple[str, ...] | None) -> Probe:
    """A probe that flies one mission. The run, and with it every batch that is yet to come, is in another process."""

    def ask(pilot_class, nothing, tell):
        pilot, seen = pilot_class(), tell(None)
        while seen is not None:
            seen = tell(row(_checked(pilot.act(Observation(**seen)))))
        return "landed"

    def partner(rng, secret):
        return _Tower(mission(secret.randrange(10**6), hazards))

    ask.__name__ = name
    return Probe(ask, sentence, draw=lambda rng: None, partner=partner)


def settings(data: Any) -> dict[str, Any]:
    """The settings that ``prepare`` may change, out of a config as plain data, which may be anything.

    Raises:
        ValueError: if one is missing or is not of its kind.
    """

    def finite(value: Any) -> float:
        value = number(value)
        if type(value) not in (int, float) or not -1e30 < value < 1e30:
            raise ValueError("a setting is not a finite number")
        return float(value)

    if not isinstance(data, dict) or not set(SETTINGS) <= data.keys():
        raise ValueError("it is not a config")
    kept = {name: data[name] for name in SETTINGS}
    if not finite(kept["warmup_steps"]).is_integer() or not isinstance(kept["decay"], str):
        raise ValueError("warmup_steps must be a whole number, and decay a name")
    kept["warmup_steps"] = int(finite(kept["warmup_steps"]))
    if not isinstance(kept["betas"], (list, tuple)) or len(kept["betas"]) != 2:
        raise ValueError("betas must be two numbers")
    for name in ("lr", "eps", "weight_decay", "loss_scale", "z_loss"):
        kept[name] = finite(kept[name])
    kept["clip_norm"] = None if kept["clip_norm"] is None else finite(kept["clip_norm"])
    return {**kept, "betas": tuple(finite(beta) for beta in kept["betas"])}


def _prepared_probe(name: str, sentence: str, hazard: str) -> Probe:
    """A probe that brings back settings, which are put into the true mission and trained where they are judged."""

    def ask(prepare, rng):
        return _as_data(prepare(mission(rng.randrange(10**6), (hazard,))))

    def settle(data, rng):
        if data is None:
            return {"returned": "nothing"}
        config = mission(rng.randrange(10**6), (hazard,))
        prepared = config.replace(**settings(data))
        trainer = Trainer(prepared)
        records = list(trainer.steps())
        loss = trainer.validation_loss()
        finished = len(records) == config.steps
        if finished and loss <= TARGET:
            return {"saved": True}
        return {
            "saved": False,
            "finished": finished,
            "rate": _rate(prepared.lr),
            "scale": _rate_of_scale(prepared.loss_scale),
            "clips": prepared.clip_norm is not None,
            "warms_up": prepared.warmup_steps > 0,
            "decays": prepared.decay != "constant",
        }

    ask.__name__ = name
    return Probe(ask, sentence, settle=settle)


def _rate_of_scale(scale: float) -> str:
    return "tiny" if scale < 2.0**-4 else "ordinary" if scale <= 2.0**16 else "huge"


def leaves_the_rest_alone(prepare, rng):
    return _as_data(prepare(mission(rng.randrange(10**6))))


def _as_data(prepared):
    """What ``prepare`` returned, as plain data; None stays."""
    return None if prepared is None else prepared.to_dict()


def _flat(data: dict[str, Any]) -> dict[str, Any]:
    """What lies in dictionaries too, under names such as ``model.norm``, and through JSON, where a tuple is a list."""
    flat: dict[str, Any] = {}
    for name, value in json.loads(json.dumps(data)).items():
        flat |= {f"{name}.{part}": inner for part, inner in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def _touched(data, rng):
    if data is None:
        return {"returned": "nothing"}
    config = mission(rng.randrange(10**6))
    mine = settings(data)
    before, after = (
        _flat({name: value for name, value in every.items() if name not in SETTINGS}) for every in (config.to_dict(), data)
    )
    touched = sorted(name for name in before | after if before.get(name) != after.get(name))
    return {"touched": touched, "lr": mine["lr"] != config.lr, "loss_scale": mine["loss_scale"] != config.loss_scale}


QUESTIONS = {
    "prepare": Question(
        target="prepare",
        probes=(
            _prepared_probe(
                "cools_the_rate",
                (
                    "At a learning rate of 5e-2 the weights must stay finite and the target be reached: choose a rate that is "
                    "neither hot nor a crawl."
                ),
                "hot_lr",
            ),
            _prepared_probe(
                "lowers_a_scale_that_overflows",
                (
                    "With a loss scale of 2^24 the first gradient overflows: give the run a scale at which it is finite, and a "
                    "usable rate."
                ),
                "overflow",
            ),
            _prepared_probe(
                "raises_a_scale_that_underflows",
                (
                    "With a loss scale of 2^-16 the gradients are flushed to zero: give the run a scale at which they are not, "
                    "and a usable rate."
                ),
                "underflow",
            ),
            Probe(
                leaves_the_rest_alone,
                (
                    "Change lr and loss_scale, and leave everything alone that is not on the list: model, steps, batch_size, "
                    "optimizer, dtype, seed, data."
                ),
                settle=_touched,
            ),
        ),
    ),
    "pilot": Question(
        target="Pilot",
        probes=(
            _flight_probe(
                "flies_with_a_hot_rate",
                (
                    "On a run whose only trouble is a learning rate of 5e-2, the target was not reached, or good batches were "
                    "thrown away."
                ),
                ("hot_lr",),
            ),
            _flight_probe(
                "flies_through_overflow",
                (
                    "On a run whose only trouble is a loss scale of 2^24, the target was not reached, or good batches were "
                    "thrown away."
                ),
                ("overflow",),
            ),
            _flight_probe(
                "flies_through_underflow",
                (
                    "On a run whose only trouble is a loss scale of 2^-16, the target was not reached, or good batches were "
                    "thrown away."
                ),
                ("underflow",),
            ),
            _flight_probe(
                "throws_away_the_bad_batches",
                "On a run whose only trouble is bad batches: leave their updates out, keep the good ones, and reach the target.",
                ("bad_batches",),
            ),
            _flight_probe(
                "saves_the_mission",
                (
                    "On a whole mission, with all its hazards at once, the target was not reached, or the wrong batches were "
                    "thrown away."
                ),
                None,
            ),
        ),
    ),
    "quiz_first": quiz("answer_first"),
    "quiz_skip": quiz("answer_skip"),
    "quiz_proof": quiz("answer_proof"),
}
