"""Updates too small for bf16 weights: lost to rounding, unless the weights have an fp32 master copy or are rounded at random.

Settings were found on seeds 20-21, tolerances on seeds 20-39.

Also tried: momentum 0.9, or lr 0.1. The updates are larger, and the gap of bf16 weights shrank from 0.3 nat to about 0.02.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.observables import end
from stabilitylab.experiments.precision.fp16_underflow import FP32
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.telemetry import Run

EXACT = FP32.replace(optimizer="sgd", momentum=0.0, lr=0.02, steps=100)
MASTER = EXACT.replace(dtype="bf16")
PURE = MASTER.replace(master_weights=False)


def round_at_random(values: Tensor, generator: torch.Generator) -> Tensor:
    """fp32 to bf16, up or down with the odds that make the mean right."""
    # bf16 is the upper half of an fp32 number's bits: a random lower half carries into it as often as the dropped bits ask for.
    noise = torch.randint(0, 1 << 16, values.shape, dtype=torch.int32, generator=generator)
    return ((values.view(torch.int32) + noise) & -(1 << 16)).view(torch.float32).bfloat16()


class StochasticRoundingSGD(torch.optim.Optimizer):
    """Plain SGD on bf16 weights, the new weight rounded at random (Zamirai et al. 2020, arXiv 2010.06192)."""

    def __init__(self, parameters: list[nn.Parameter], lr: float, seed: int):
        super().__init__(parameters, {"lr": lr})
        self.generator = torch.Generator().manual_seed(seed)

    @torch.no_grad()
    def step(self, closure=None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for p in group["params"]:
                p.copy_(round_at_random(p.float() - group["lr"] * p.grad.float(), self.generator))


def stochastic(config: RunConfig) -> Mapping[str, Any]:
    """The parts of an arm that rounds its weights at random."""
    return {"optimizer": lambda parameters: StochasticRoundingSGD(parameters, config.lr, config.seed)}


def count_swallowed(seed: int) -> dict[str, float]:
    """Of the weights with a gradient, the share that one SGD update leaves as it was, after 20 steps in bf16 with fp32 master
    weights."""
    trainer = Trainer(MASTER.replace(seed=seed, steps=20))
    for _ in trainer.steps():
        pass
    pairs = [(p.detach()[p.grad != 0], MASTER.lr * p.grad[p.grad != 0]) for p in trainer.parameters if p.grad is not None]
    weight, update = (torch.cat(tensors) for tensors in zip(*pairs))
    rounded = weight.bfloat16()
    return {
        "bf16": ((rounded - update).bfloat16() == rounded).float().mean().item(),
        "fp32": (weight - update == weight).float().mean().item(),
    }


def _ahead(run: Run, other: Run) -> float:
    """How far one run ends below another, in nats."""
    return end(other) - end(run)


EXPERIMENT = Experiment(
    name="swallowed-updates",
    question="what becomes of an update smaller than half a unit in the last place of its weight?",
    arms={
        "fp32": Arm(EXACT, "SGD 0.02 in fp32"),
        "master": Arm(MASTER, "the pass in bf16, fp32 master weights"),
        "bf16": Arm(PURE, "weights stored in bf16, rounded to nearest"),
        "stochastic": Arm(PURE, "weights stored in bf16, rounded at random", parts=stochastic),
        "count": Measurement(count_swallowed, "which weights one update leaves unchanged"),
    },
    expectations={
        "most-are-swallowed": Expectation(
            "In bf16 one update leaves more than 70% of the weights as they were, in fp32 under 1%.",
            lambda r: r["count"]["bf16"] > 0.7 and r["count"]["fp32"] < 0.01,
        ),
        "bf16-is-slower": Expectation(
            "With bf16 weights the run ends more than 0.1 nat above fp32.", lambda r: _ahead(r["fp32"], r["bf16"]) > 0.1
        ),
        "master-weights-help": Expectation(
            "With fp32 master weights it ends within 0.02 nat of fp32.", lambda r: abs(_ahead(r["fp32"], r["master"])) < 0.02
        ),
        "stochastic-rounding-helps": Expectation(
            "With stochastic rounding it ends within 0.05 nat of fp32, without any fp32 copy.",
            lambda r: abs(_ahead(r["fp32"], r["stochastic"])) < 0.05,
        ),
    },
    control=("stochastic", "bf16"),
    quantities={
        "swallowed-bf16": Quantity("weights that one update leaves unchanged, bf16", lambda r: r["count"]["bf16"]),
        "swallowed-fp32": Quantity("weights that one update leaves unchanged, fp32", lambda r: r["count"]["fp32"]),
        "fp32-end": Quantity("final loss, fp32", lambda r: end(r["fp32"]), "nats"),
        "bf16-gap": Quantity("bf16 weights above fp32", lambda r: _ahead(r["fp32"], r["bf16"]), "nats"),
        "master-gap": Quantity("fp32 master weights above fp32", lambda r: _ahead(r["fp32"], r["master"]), "nats"),
        "stochastic-gap": Quantity("stochastic rounding above fp32", lambda r: _ahead(r["fp32"], r["stochastic"]), "nats"),
    },
    columns=(*CURVES, "update_ratio"),
    shows=(
        "bf16 keeps 8 significant bits, so that an update below 1/512 of its weight is rounded away, every time. With bf16 "
        "weights SGD at a small rate falls behind. The same numbers rounded at random keep up: each update is lost or enlarged, "
        "and right on average. So do fp32 master weights."
    ),
    does_not_show=(
        "That bf16 weights ruin every run: they slow this one. Momentum or a higher rate makes the updates larger and the gap "
        "smaller, and Adam's updates are of the size of the learning rate wherever the gradient is steady."
    ),
)
