"""One run of a sweep, as plain data that any process can be sent, and what comes of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import stabilitylab

CURVES = ("loss", "grad_norm", "clipped_norm", "update_ratio", "lr")
"""What is kept of every step."""


@dataclass(frozen=True)
class Task:
    """A run to be made.

    Attributes:
        settings: field -> value, as a ``Grid`` gives them: what differs from the base.
        experiment: whose arm the base is, None for a plain run.
        arm: of the experiment.
    """

    settings: Mapping[str, Any]
    experiment: str | None = None
    arm: str | None = None

    @property
    def key(self) -> str:
        """What the run is known by: the same for the same run, on any machine."""
        asked = [self.experiment, self.arm, sorted(self.settings.items())]
        return hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:20]


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        row: its settings, verdict and figures, each a plain value.
        curves: measurement -> one value a step.
    """

    row: Mapping[str, Any]
    curves: Mapping[str, Sequence[float]]


def check(tasks: Sequence[Task]) -> None:
    """Makes every run's settings, before the first one is trained.

    Raises:
        ValueError: if some cannot be; the message says which and why.
    """
    for task in tasks:
        try:
            _trainer_settings(task)
        except ValueError as error:
            asked = " ".join(f"{name}={value}" for name, value in task.settings.items())
            raise ValueError(f"{asked} cannot be run: {error}") from None


def run(task: Task) -> Result:
    """Trains one run and judges it."""
    from stabilitylab.training.diagnosis import diagnose
    from stabilitylab.training.loop import Trainer

    arm, config = _trainer_settings(task)
    if arm is None:
        trainer = Trainer(config)
        made = trainer.result(list(trainer.steps()))
    else:
        trainer = dataclasses.replace(arm, config=config).trainer(config.seed)
        made = trainer.result(list(arm.drive(trainer)))
    found = diagnose(made)
    clipped = made.column("clipped")
    validation = trainer.validation_loss()
    figures = {
        "verdict": str(found.verdict),
        "reason": found.reason,
        "learned": found.learned,
        "final_loss": found.final_loss,
        "validation_loss": validation,
        "spikes": len(found.spikes),
        "nonfinite_at": found.nonfinite_at,
        "largest_norm": max((n for n in made.column("grad_norm") if math.isfinite(n)), default=math.nan),
        "clip_rate": sum(clipped) / len(clipped),
        "steps_run": len(made.records),
        "seconds": made.records[-1].seconds,
    }
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in task.settings.items()}
    about = {"key": task.key, "experiment": task.experiment, "arm": task.arm, "version": stabilitylab.__version__}
    return Result({**about, **settings, **figures}, {name: made.column(name) for name in CURVES})


def _trainer_settings(task: Task) -> tuple[Any, Any]:
    """(the experiment's arm or None, the run's config)."""
    from stabilitylab import experiments
    from stabilitylab.experiments.experiment import Arm
    from stabilitylab.training.config import RunConfig

    changes = {name.replace("model.", "model__"): value for name, value in task.settings.items()}
    if task.experiment is None:
        return None, RunConfig().replace(**changes)
    arms = experiments.get(task.experiment).arms
    if task.arm is None or task.arm not in arms:
        raise ValueError(f"arm is {task.arm!r}; {task.experiment} has {', '.join(arms)}")
    arm = arms[task.arm]
    if not isinstance(arm, Arm):
        raise ValueError(f"{task.arm} of {task.experiment} is a measurement, and has no settings to sweep over")
    return arm, arm.config.replace(**changes)
