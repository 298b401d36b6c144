"""What else than the seed could flip a verdict.

Along an axis every training run of an experiment is changed in one respect, such as its width, and all else stays as it was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

from stabilitylab.training.config import RunConfig


@dataclass(frozen=True)
class Axis:
    """One respect in which runs can differ.

    Attributes:
        states: what it is, as a phrase.
        points: where runs are tried, from small to large.
        change: from a run's settings and a point to its settings there.
    """

    states: str
    points: tuple[float, ...]
    change: Callable[[RunConfig, float], RunConfig]


def _width(config: RunConfig, width: float) -> RunConfig:
    model = config.model
    heads = max(1, round(width) * model.heads // model.width)
    return config.replace(model=dataclasses.replace(model, width=round(width), heads=heads))


def _depth(config: RunConfig, layers: float) -> RunConfig:
    return config.replace(model=dataclasses.replace(config.model, layers=round(layers)))


def _batch(config: RunConfig, size: float) -> RunConfig:
    return config.replace(batch_size=max(1, round(size) // config.model.context))


def _length(config: RunConfig, times: float) -> RunConfig:
    return config.replace(steps=round(config.steps * times))


def _rate(config: RunConfig, times: float) -> RunConfig:
    return config.replace(lr=config.lr * times)


AXES = {
    "width": Axis("width of the model; heads stay as wide as they are", (32, 64, 128, 256), _width),
    "depth": Axis("layers of the model", (2, 4, 8, 16), _depth),
    "batch": Axis("bytes in a batch", (256, 1024, 4096), _batch),
    "length": Axis("steps, as a multiple of the run's own", (0.5, 1, 2, 4), _length),
    "rate": Axis("peak learning rate, as a multiple of the run's own", (0.25, 0.5, 1, 2, 4), _rate),
}


def axis(name: str) -> Axis:
    """The axis of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in AXES:
        raise ValueError(f"axis is {name!r}; choose one of {', '.join(AXES)}")
    return AXES[name]
