"""What an experiment is: arms, quantities, expectations, and how they are run over seeds.

An arm is a training run (``Arm``) or anything else that yields numbers from a seed (``Measurement``).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stabilitylab.experiments import axes
from stabilitylab.experiments.seeds import DEFAULT_SEEDS
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.telemetry import Run, StepRecord

CURVES = ("step", "loss", "grad_norm", "clipped", "nonfinite_fraction")


@dataclass(frozen=True)
class Measured:
    """What a ``Measurement`` gave for one seed: ``measured["name"]`` is one of its numbers."""

    label: str
    seed: int
    values: Mapping[str, float]

    def __getitem__(self, name: str) -> float:
        return self.values[name]


Results = Mapping[str, Any]
"""Arm -> its result for one seed: the ``Run`` of an ``Arm``, the ``Measured`` of a ``Measurement``."""


def _no_parts(config: RunConfig) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True)
class Arm:
    """One training run on trial.

    Attributes:
        config: the run's settings; the seed is filled in per run.
        about: what is different about it, as a phrase.
        parts: from the seeded config to arguments for ``Trainer``, where the arm replaces a part of the loop, such as
            ``lambda config: {"clip": clip_grad_value_}``.
        drive: how the trainer is run, for an arm that intervenes between steps, such as a rollback.
    """

    config: RunConfig
    about: str
    parts: Callable[[RunConfig], Mapping[str, Any]] = _no_parts
    drive: Callable[[Trainer], Iterator[StepRecord]] = Trainer.steps

    def trainer(self, seed: int) -> Trainer:
        """The run of a seed, not yet started."""
        config = self.config.replace(seed=seed)
        return Trainer(config, **self.parts(config))

    def result(self, label: str, seed: int) -> Run:
        """The whole run of a seed."""
        trainer = self.trainer(seed)
        return trainer.result(list(self.drive(trainer)), label=label)


@dataclass(frozen=True)
class Measurement:
    """One thing measured: anything that turns a seed into named numbers.

    Attributes:
        measure: from a seed to the numbers; an exact calculation may ignore the seed.
        about: what is different about it, as a phrase.
    """

    measure: Callable[[int], Mapping[str, float]]
    about: str

    def result(self, label: str, seed: int) -> Measured:
        """What it gives for a seed."""
        return Measured(label, seed, dict(self.measure(seed)))


@dataclass(frozen=True)
class Quantity:
    """A number that the experiment measures once per seed.

    Attributes:
        states: what it is, as a phrase.
        value: from the results of one seed to the number.
        unit: such as ``"nats"``, ``"steps"``, default a plain number.
    """

    states: str
    value: Callable[[Results], float]
    unit: str = ""


@dataclass(frozen=True)
class Expectation:
    """Something that must be seen in nearly every seed.

    Attributes:
        states: the sentence that is checked.
        holds: from the results of one seed to whether it was seen.
        share: the least share of seeds in which it must hold, see ``enough``.
    """

    states: str
    holds: Callable[[Results], bool]
    share: float = 0.9


def enough(count: int, total: int, share: float) -> bool:
    """Whether ``count`` of ``total`` seeds are the share asked for, rounded down and at least one: for 0.9 that is 18 of 20, 4 of
    5, 1 of 1."""
    return count >= max(1, math.floor(share * total + 1e-9))


@dataclass(frozen=True)
class Outcome:
    """How an expectation fared over some seeds: ``held`` has one entry per seed, and ``ok`` says whether that is enough."""

    name: str
    expectation: Expectation
    held: Mapping[int, bool]

    @property
    def count(self) -> int:
        return sum(self.held.values())

    @property
    def total(self) -> int:
        return len(self.held)

    @property
    def ok(self) -> bool:
        return enough(self.count, self.total, self.expectation.share)


@dataclass(frozen=True)
class Experiment:
    """Arms, and what they show.

    Attributes:
        name: how the terminal and the evidence files call it.
        question: what is on trial.
        arms: name -> arm.
        expectations: name -> what is checked.
        control: (cured, sick): the negative control. With the sick arm's result in the place of the cured one's, some
            expectation must fail: an experiment that cannot tell them apart shows nothing.
        shows: one paragraph: what the runs show.
        does_not_show: what they do not.
        quantities: name -> what is measured.
        curve_seeds: the seeds whose curves are kept for figures.
        columns: the measurements kept of each recorded step.
    """

    name: str
    question: str
    arms: Mapping[str, Arm | Measurement]
    expectations: Mapping[str, Expectation]
    control: tuple[str, str]
    shows: str
    does_not_show: str
    quantities: Mapping[str, Quantity]
    curve_seeds: Sequence[int] = DEFAULT_SEEDS
    columns: Sequence[str] = CURVES

    def arm(self, name: str) -> Arm | Measurement:
        """The arm of that name.

        Raises:
            ValueError: if there is none.
        """
        if name not in self.arms:
            raise ValueError(f"arm is {name!r}; {self.name} has {', '.join(self.arms)}")
        return self.arms[name]

    @property
    def trains(self) -> bool:
        """Whether any arm is a training run."""
        return any(isinstance(arm, Arm) for arm in self.arms.values())

    def at(self, axis: str, point: float) -> Experiment:
        """The same experiment at a point of an axis: its training runs are changed, its measurements stay as they are.

        Raises:
            ValueError: if there is no such axis, or a run cannot be made there.
        """
        along = axes.axis(axis)
        arms = {
            name: dataclasses.replace(arm, config=along.change(arm.config, point)) if isinstance(arm, Arm) else arm
            for name, arm in self.arms.items()
        }
        return dataclasses.replace(self, arms=arms)

    def trainer(self, arm: str, seed: int) -> Trainer:
        """A training run of one arm, not yet started.

        Raises:
            ValueError: if there is no such arm, or it is not a training run.
        """
        found = self.arm(arm)
        if isinstance(found, Measurement):
            runs = [name for name, other in self.arms.items() if isinstance(other, Arm)]
            has = (
                f"training runs are {', '.join(runs)}"
                if runs
                else "the experiment has no training runs; use `stabilitylab check`"
            )
            raise ValueError(f"arm is {arm!r}, which is a measurement and not a training run; {has}")
        return found.trainer(seed)

    def run(self, arm: str, seed: int) -> Any:
        """The result of one arm: a ``Run`` or a ``Measured``."""
        return self.arm(arm).result(arm, seed)

    def by_seed(self, results: Sequence[Any]) -> dict[int, dict[str, Any]]:
        """Seed -> arm -> result, for the seeds for which every arm is there."""
        found: dict[int, dict[str, Any]] = {}
        for result in results:
            found.setdefault(result.seed, {})[result.label] = result
        return {seed: arms for seed, arms in found.items() if len(arms) == len(self.arms)}

    def check(self, results: Sequence[Any]) -> list[Outcome]:
        """How each expectation fares over the seeds for which every arm was run."""
        seeds = self.by_seed(results)
        return [
            Outcome(name, expectation, {seed: bool(expectation.holds(arms)) for seed, arms in seeds.items()})
            for name, expectation in self.expectations.items()
        ]

    def measure(self, results: Sequence[Any]) -> dict[str, dict[int, float]]:
        """Quantity -> seed -> number."""
        seeds = self.by_seed(results)
        return {
            name: {seed: float(quantity.value(arms)) for seed, arms in seeds.items()}
            for name, quantity in self.quantities.items()
        }
