"""Plain gradient descent on one fixed batch: the sharpness against 2 / learning rate (claim A2, and the learning-rate part of
D5).

After Cohen et al. 2021 (arXiv 2103.00065). Settings were found on seeds 100-102, tolerances on seeds 20-39.

Also tried: 64 tokens in the place of 512. The model learns them by heart within 100 steps, and the sharpness falls again to
almost nothing.
"""

from itertools import pairwise
from statistics import median

import torch

from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Measurement, Quantity
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import level
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.telemetry import Run

TINY = ModelConfig(layers=1, width=16, heads=2, context=16, init="torch")
HIGH = RunConfig(model=TINY, optimizer="sgd", momentum=0.0, lr=0.4, batch_size=32, steps=200)
LOW = HIGH.replace(lr=0.1)
LATE = 100
"""The first half of a run is left out: there the sharpness is still on its way up."""


def one_batch(config: RunConfig) -> dict:
    """A batch source that always gives the batch of step 0, so that there is no gradient noise."""
    batch = Trainer(config).batches(0)
    return {"batches": lambda step: batch}


def cool(config: RunConfig) -> dict:
    """The same, with the learning rate lowered to ``LOW``'s half-way."""
    return one_batch(config) | {"schedule": lambda step: config.lr if step < LATE else LOW.lr}


def sharpness(trainer: Trainer, iterations: int = 15) -> float:
    """Largest eigenvalue (in size) of the Hessian of the fixed batch's loss, by power iteration."""
    graph = torch.autograd.grad(trainer.loss(*trainer.batches(0)), trainer.parameters, create_graph=True)
    generator = torch.Generator().manual_seed(trainer.config.seed)
    vector = [torch.randn(p.shape, generator=generator) for p in trainer.parameters]
    for _ in range(iterations):
        length = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(vector)))
        vector = [v / length for v in vector]
        product = torch.autograd.grad(graph, trainer.parameters, vector, retain_graph=True)
        eigenvalue = sum(float((v * p).sum()) for v, p in zip(vector, product))
        vector = list(product)
    return eigenvalue


def sharpness_over_limit(config: RunConfig, seed: int) -> dict[str, float]:
    """Sharpness in units of 2 / lr: at the start, and its median, least and largest over the second half of the run."""
    config = config.replace(seed=seed)
    trainer = Trainer(config, **one_batch(config))
    start = sharpness(trainer)
    late = [sharpness(trainer) for record in trainer.steps() if record.step >= LATE and record.step % 20 == 0]
    unit = 2 / config.lr
    return {"start": start / unit, "median": median(late) / unit, "least": min(late) / unit, "largest": max(late) / unit}


def rises(run: Run, first: int = LATE) -> float:
    """Share of the steps from ``first`` on that raised the loss."""
    losses = run.column("loss")[first:]
    return sum(b > a for a, b in pairwise(losses)) / (len(losses) - 1)


def late_end(run: Run) -> float:
    """Mean loss of the last 20 steps, in nats."""
    return level(run.column("loss")[-20:])


EXPERIMENT = Experiment(
    name="edge-of-stability",
    question="why does the loss go up and down when nothing about the data changes?",
    arms={
        "low": Arm(LOW, "gradient descent on one fixed batch, constant 0.1", parts=one_batch),
        "high": Arm(HIGH, "the same at constant 0.4", parts=one_batch),
        "cooled": Arm(HIGH, "0.4 up to step 100, then 0.1", parts=cool),
        "low-sharpness": Measurement(lambda seed: sharpness_over_limit(LOW, seed), "sharpness over 2 / lr at 0.1"),
        "high-sharpness": Measurement(lambda seed: sharpness_over_limit(HIGH, seed), "sharpness over 2 / lr at 0.4"),
    },
    expectations={
        "low-is-monotone": Expectation("At 0.1 the loss never rises.", lambda r: rises(r["low"], 0) == 0),
        "low-is-below-the-limit": Expectation(
            "At 0.1 the sharpness stays below 2 / lr.", lambda r: r["low-sharpness"]["largest"] < 0.9
        ),
        "high-oscillates": Expectation(
            "At 0.4, on the same batch, a quarter of the later steps or more raise the loss.", lambda r: rises(r["high"]) > 0.25
        ),
        "high-hovers": Expectation(
            "At 0.4 the sharpness grows from far below 2 / lr to within a factor of 2.5 of it, and stays there.",
            lambda r: (
                r["high-sharpness"]["start"] < 0.3 and 0.4 < r["high-sharpness"]["least"] <= r["high-sharpness"]["largest"] < 2.5
            ),
        ),
        "high-still-learns": Expectation(
            "Even so it ends below the run at 0.1.", lambda r: late_end(r["high"]) < late_end(r["low"])
        ),
        "cooling-stops-it": Expectation(
            "Lowering the learning rate to 0.1 half-way ends the oscillation.", lambda r: rises(r["cooled"], LATE + 10) < 0.05
        ),
    },
    control=("low", "high"),
    quantities={
        "low-sharpness": Quantity(
            "largest sharpness over 2 / lr in the second half, 0.1", lambda r: r["low-sharpness"]["largest"]
        ),
        "high-sharpness-start": Quantity("sharpness over 2 / lr at step 0, 0.4", lambda r: r["high-sharpness"]["start"]),
        "high-sharpness": Quantity(
            "median sharpness over 2 / lr in the second half, 0.4", lambda r: r["high-sharpness"]["median"]
        ),
        "high-sharpness-least": Quantity("the least of them", lambda r: r["high-sharpness"]["least"]),
        "high-sharpness-largest": Quantity("the largest of them", lambda r: r["high-sharpness"]["largest"]),
        "high-rises": Quantity("share of later steps that raise the loss, 0.4", lambda r: rises(r["high"])),
        "cooled-rises": Quantity("the same once cooled to 0.1", lambda r: rises(r["cooled"], LATE + 10)),
        "low-end": Quantity("final loss at 0.1", lambda r: late_end(r["low"]), "nats"),
        "high-end": Quantity("final loss at 0.4", lambda r: late_end(r["high"]), "nats"),
        "cooled-end": Quantity("final loss, cooled", lambda r: late_end(r["cooled"]), "nats"),
    },
    shows=(
        "With one batch and no momentum there is no noise to blame. At the low rate the loss only falls. At the high one the "
        "sharpness grows until it nears 2 / learning rate, where a step along the sharpest direction overshoots; from there on "
        "the loss goes up and down, and still falls on the whole. Lowering the rate raises the limit, and the oscillation ends."
    ),
    does_not_show=(
        "Minibatches, momentum and Adam move the limit (Cohen et al. 2022 for Adam). Nothing here blows up: living at the edge "
        "is not divergence. Fifteen power iterations every 20 steps estimate the sharpness to some per cent, no better."
    ),
)
