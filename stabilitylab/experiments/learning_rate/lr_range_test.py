"""The LR range test: three ways to read it, each trained with what it picked (claim C10).

Settings were found on seeds 30-34, tolerances on seeds 30-37. Expected the steepest slope to be 10 to 30 times too low; found it
about 4 to 14 times below the best rate of the grid.
"""

from collections.abc import Callable

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.observables import end
from stabilitylab.experiments.schedules.schedules import MODEL
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer, train

FIXED = RunConfig(model=MODEL, steps=150, min_distinct_bytes=4)
LOWEST, HIGHEST, SWEEP = 1e-5, 1.0, 200
GRID = (1e-3, 3e-3, 1e-2, 3e-2)
SMOOTH, REACH = 0.9, 5


def swept_rate(step: int) -> float:
    """From the lowest to the highest rate in equal factors."""
    return LOWEST * (HIGHEST / LOWEST) ** (step / (SWEEP - 1))


def range_test(seed: int) -> list[float]:
    """Exponentially smoothed losses of one sweep."""
    trainer = Trainer(FIXED.replace(seed=seed, steps=SWEEP), schedule=swept_rate)
    smooth: list[float] = []
    for record in trainer.steps():
        smooth.append(SMOOTH * smooth[-1] + (1 - SMOOTH) * record.loss if smooth else record.loss)
    return smooth


def steepest(smooth: list[float]) -> float:
    """The rate at which the loss falls fastest, per factor of the rate."""
    return swept_rate(min(range(REACH, SWEEP - REACH), key=lambda i: smooth[i + REACH] - smooth[i - REACH]))


def lowest(smooth: list[float]) -> float:
    """The rate at which the loss is lowest."""
    return swept_rate(min(range(SWEEP), key=lambda i: smooth[i]))


def trained(lr: float, seed: int) -> float:
    """Final loss at a fixed rate."""
    return end(train(FIXED.replace(lr=lr, seed=seed)))


def reading(pick: Callable[[list[float]], float]) -> Callable[[int], dict[str, float]]:
    """Runs the range test, picks a rate, and trains with it."""

    def measure(seed: int) -> dict[str, float]:
        lr = pick(range_test(seed))
        return {"lr": lr, "end": trained(lr, seed)}

    return measure


def grid(seed: int) -> dict[str, float]:
    """The best of a few fixed rates."""
    ends = {lr: trained(lr, seed) for lr in GRID}
    best = min(ends, key=lambda lr: ends[lr])
    return {"lr": best, "end": ends[best]}


EXPERIMENT = Experiment(
    name="lr-range-test",
    question="what should one read off a learning-rate range test?",
    arms={
        "steepest": Measurement(reading(steepest), "200 steps from 1e-5 to 1; take the steepest slope, train 150 steps with it"),
        "minimum": Measurement(reading(lowest), "take the rate of the lowest loss"),
        "tenth": Measurement(reading(lambda smooth: lowest(smooth) / 10), "take a tenth of that"),
        "grid": Measurement(grid, "for comparison: the best of 1e-3, 3e-3, 1e-2, 3e-2"),
    },
    expectations={
        "steepest-is-too-low": Expectation(
            "The steepest slope lies at less than half of the best rate of the grid.",
            lambda r: r["steepest"]["lr"] < r["grid"]["lr"] / 2,
        ),
        "tenth-beats-steepest": Expectation(
            "A tenth of the minimum's rate ends more than 0.03 nat below the steepest slope's.",
            lambda r: r["tenth"]["end"] < r["steepest"]["end"] - 0.03,
        ),
        "tenth-is-near-the-best": Expectation(
            "It ends within 0.15 nat of the best of the grid.", lambda r: r["tenth"]["end"] < r["grid"]["end"] + 0.15
        ),
    },
    control=("tenth", "steepest"),
    quantities={
        "steepest-lr": Quantity("rate at the steepest slope", lambda r: r["steepest"]["lr"]),
        "minimum-lr": Quantity("rate at the lowest loss", lambda r: r["minimum"]["lr"]),
        "best-lr": Quantity("best rate of the grid", lambda r: r["grid"]["lr"]),
        "too-low": Quantity("best rate of the grid over the steepest slope's", lambda r: r["grid"]["lr"] / r["steepest"]["lr"]),
        "steepest-end": Quantity("final loss at the steepest slope's rate", lambda r: r["steepest"]["end"], "nats"),
        "minimum-end": Quantity("final loss at the minimum's rate", lambda r: r["minimum"]["end"], "nats"),
        "tenth-end": Quantity("final loss at a tenth of the minimum's rate", lambda r: r["tenth"]["end"], "nats"),
        "best-end": Quantity("final loss at the best rate of the grid", lambda r: r["grid"]["end"], "nats"),
    },
    shows=(
        "The steepest slope marks where learning begins, several times below the rate that trains best. The minimum itself "
        "is too hot, and a tenth of it is a good choice."
    ),
    does_not_show=(
        "That a tenth is a law: how far the minimum overshoots depends on the length of the sweep, the smoothing and the "
        "batch. The rates are for 150 steps without warmup."
    ),
)
