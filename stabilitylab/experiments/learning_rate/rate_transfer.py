"""The best learning rate of Adam at three widths, under the standard and the maximal update parametrisation (claims F1 and F2).

Yang et al. 2022 (arXiv 2203.03466): under the standard parametrisation the best rate falls as the width grows, under mup it
stays. Settings and tolerances were found on seeds 100-105.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from stabilitylab.experiments.axes import axis
from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.observables import end
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import train
from stabilitylab.training.model import ModelConfig

WIDTHS = (32, 64, 128)
POWERS = range(-11, -3)
"""Rates tried: two to these powers."""
CONFIG = RunConfig(model=ModelConfig(layers=2, init="xavier"), steps=120)


def best(parametrisation: str) -> Callable[[int], Mapping[str, float]]:
    """From a seed to the final loss at every width and rate, and to the power of two that is the best rate of each width."""

    def measure(seed: int) -> dict[str, float]:
        found: dict[str, float] = {}
        for width in WIDTHS:
            config = axis("width").change(CONFIG.replace(seed=seed, model__parametrisation=parametrisation), width)
            ends = [end(train(config.replace(lr=2.0**power))) for power in POWERS]
            found |= {f"end-{width}-{power}": value for power, value in zip(POWERS, ends)}
            found[f"best-{width}"] = lowest(POWERS, ends)
        return found

    return measure


def lowest(places: Sequence[int], values: Sequence[float]) -> float:
    """Where values are lowest: the vertex of the parabola through the lowest one and its neighbours, which are one apart; at an
    end of the range, the end."""
    finite = [value if math.isfinite(value) else math.inf for value in values]
    at = finite.index(min(finite))
    if at in (0, len(finite) - 1) or math.inf in finite[at - 1 : at + 2]:
        return float(places[at])
    left, low, right = finite[at - 1 : at + 2]
    return places[at] + (left - right) / (2 * (left - 2 * low + right))


def fall(result: Mapping[str, float]) -> float:
    """By how many factors of two the best rate falls from the narrowest to the widest model, of two that the width grows by."""
    return result[f"best-{WIDTHS[0]}"] - result[f"best-{WIDTHS[-1]}"]


EXPERIMENT = Experiment(
    name="rate-transfer",
    question="does the best learning rate of a narrow model serve a wide one?",
    arms={
        "standard": Measurement(best("standard"), "the standard parametrisation, widths 32 to 128, eight rates each"),
        "mup": Measurement(best("mup"), "the same under the maximal update parametrisation"),
    },
    expectations={
        "standard-falls": Expectation(
            "Under the standard parametrisation the best rate of a model four times as wide is lower by a factor of 2.3 or more.",
            lambda r: fall(r["standard"]) > 1.2,
        ),
        "mup-stays": Expectation(
            "Under mup it is the same up to a factor of 1.8.",
            lambda r: abs(fall(r["mup"])) < 0.85,
        ),
    },
    control=("mup", "standard"),
    quantities={
        "standard-fall": Quantity(
            "factors of two that the best rate falls, standard parametrisation", lambda r: fall(r["standard"])
        ),
        "mup-fall": Quantity("factors of two that the best rate falls, mup", lambda r: fall(r["mup"])),
    },
    shows=(
        "Adam's best constant rate falls nearly as one over the width: a model four times as wide wants a rate about four times "
        "lower. Under the maximal update parametrisation the rate that is best for the narrow model is best for the wide one."
    ),
    does_not_show=(
        "Nothing above width 128, of depth, or of runs longer than 120 steps. Rates were tried in steps of two, and the best was "
        "read off a parabola through three of them."
    ),
)
