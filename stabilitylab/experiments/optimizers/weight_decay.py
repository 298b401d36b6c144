"""Weight decay as a cure of instability, and what Adam makes of L2 (claims C11, C15).

Settings were found on seeds 20-22; tolerances were set on seeds 20-31, those at the present lengths on 26-31.

Expected: the hot run stays stuck whatever the decay. Found: decay 1.0 freed it in every seed tried.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from stabilitylab.experiments.architecture.no_norms import CONSTANT
from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Measurement, Quantity, Results
from stabilitylab.experiments.learning_rate.constant_lr import HOT
from stabilitylab.experiments.observables import end, learned, peak, stuck, tame
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import diagnose
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig

HOT_DECAYED = HOT.replace(optimizer="adamw", steps=200)
DEEP = CONSTANT.replace(optimizer="adamw", steps=10)
HEALTHY = RunConfig(model=ModelConfig(layers=2, width=32), optimizer="adamw", lr=3e-3, steps=100)

DECAY, RATE, UPDATES = 0.1, 1e-3, 1000
NOISE = (0.1, 1.0, 10.0)
ASKED = math.exp(-RATE * DECAY * UPDATES)
"""What is left of a weight if every update takes lr * decay of it."""


def shrinkage_under_noise(seed: int) -> Mapping[str, float]:
    """What is left of weights that start at 1 and see gradients of pure noise, by the size of the noise."""
    torch.set_num_threads(1)
    found: dict[str, float] = {}
    for name, kind in (("l2", torch.optim.Adam), ("adamw", torch.optim.AdamW)):
        weights = torch.ones(len(NOISE), 500)
        optimizer = kind([weights], lr=RATE, weight_decay=DECAY)
        generator = torch.Generator().manual_seed(seed)
        for _ in range(UPDATES):
            weights.grad = torch.tensor(NOISE)[:, None] * torch.randn(weights.shape, generator=generator)
            optimizer.step()
        found |= {f"{name}-{noise:g}": left.item() for noise, left in zip(NOISE, weights.mean(dim=1))}
    return found


def shrinkage_in_training(seed: int) -> Mapping[str, float]:
    """What decay leaves of the byte embedding's rows: their length over that in the same run without decay.

    ``common`` rows belong to the 10 most frequent bytes, ``absent`` rows to bytes that the text does not hold: they have no
    gradient.
    """

    def lengths(optimizer: str, weight_decay: float) -> dict[str, Tensor]:
        trainer = Trainer(HEALTHY.replace(optimizer=optimizer, weight_decay=weight_decay, seed=seed))
        for _ in trainer.steps():
            pass
        counts = trainer.corpus.byte_counts
        rows = trainer.model.byte_embedding.weight.detach().norm(dim=1)
        return {"common": rows[counts.argsort(descending=True)[:10]], "absent": rows[counts == 0]}

    without = lengths("adamw", 0.0)
    return {
        f"{name}-{group}": (rows / without[group]).mean().item()
        for name, optimizer in (("l2", "adam"), ("adamw", "adamw"))
        for group, rows in lengths(optimizer, DECAY).items()
    }


def exploded(r: Results, arm: str) -> bool:
    """Whether the loss reached ten times its start within three updates."""
    at = diagnose(r[arm]).exploded_at
    return at is not None and at <= 3


EXPERIMENT = Experiment(
    name="weight-decay",
    question="is weight decay a cure for instability, and is L2 in Adam the same thing?",
    arms={
        "hot": Arm(HOT_DECAYED, "post-LN at constant 1e-2, AdamW without decay"),
        "hot-usual": Arm(HOT_DECAYED.replace(weight_decay=0.1), "the same with the usual decay 0.1"),
        "hot-strong": Arm(
            HOT_DECAYED.replace(weight_decay=1.0), "the same with decay 1.0: every update takes 1% of every weight"
        ),
        "deep": Arm(DEEP, "24 layers without norms at constant 1.5e-2, AdamW without decay"),
        "deep-usual": Arm(DEEP.replace(weight_decay=0.1), "the same with decay 0.1"),
        "deep-strong": Arm(DEEP.replace(weight_decay=1.0), "the same with decay 1.0"),
        "healthy": Arm(HEALTHY, "pre-LN at constant 3e-3, AdamW without decay"),
        "healthy-usual": Arm(HEALTHY.replace(weight_decay=0.1), "the same with decay 0.1"),
        "healthy-strong": Arm(HEALTHY.replace(weight_decay=1.0), "the same with decay 1.0"),
        "noise": Measurement(shrinkage_under_noise, "decay 0.1 on weights whose gradients are noise of three sizes"),
        "embedding": Measurement(shrinkage_in_training, "decay 0.1 on the byte embedding in the healthy run"),
    },
    expectations={
        "usual-leaves-it-stuck": Expectation(
            "With decay 0.1 the hot run stays stuck in most seeds.", lambda r: stuck(r["hot-usual"]), share=0.6
        ),
        "strong-frees-it": Expectation("With decay 1.0 the hot run trains.", lambda r: learned(r["hot-strong"])),
        "strong-beats-usual": Expectation(
            "On the hot run decay 1.0 ends at least 0.05 nat below decay 0.1.",
            lambda r: end(r["hot-strong"]) < end(r["hot-usual"]) - 0.05,
        ),
        "explodes-with-usual": Expectation(
            "Decay 0.1 does not keep the deep run from exploding.", lambda r: exploded(r, "deep") and exploded(r, "deep-usual")
        ),
        "explodes-with-strong": Expectation("Nor does decay 1.0.", lambda r: exploded(r, "deep-strong")),
        "usual-changes-little": Expectation(
            "On the healthy run decay 0.1 moves the final loss by less than 0.1 nat.",
            lambda r: tame(r["healthy-usual"]) and abs(end(r["healthy-usual"]) - end(r["healthy"])) < 0.1,
        ),
        "adamw-decays-as-asked": Expectation(
            "AdamW takes the same share of every weight, whatever its gradients: within 0.01 of exp(-lr * decay * updates).",
            lambda r: all(abs(r["noise"][f"adamw-{noise:g}"] - ASKED) < 0.01 for noise in NOISE),
        ),
        "l2-divides-by-the-second-moment": Expectation(
            "Under noise of size 1 and 10, Adam with L2 decays by exp(-lr * decay * updates / size), within 0.02.",
            lambda r: all(abs(r["noise"][f"l2-{noise:g}"] - ASKED ** (1 / noise)) < 0.02 for noise in NOISE[1:]),
        ),
        "l2-erases-unused-rows": Expectation(
            "In training, Adam with L2 takes more than 90% of embedding rows that have no gradient; AdamW takes less than 10%.",
            lambda r: r["embedding"]["l2-absent"] < 0.1 and r["embedding"]["adamw-absent"] > 0.9,
        ),
        "l2-is-uneven": Expectation(
            "Adam with L2 leaves at least twice as much of the rows with large gradients; AdamW leaves both alike, within 0.15.",
            lambda r: (
                r["embedding"]["l2-common"] > 2 * r["embedding"]["l2-absent"]
                and abs(r["embedding"]["adamw-common"] - r["embedding"]["adamw-absent"]) < 0.15
            ),
        ),
    },
    control=("hot-strong", "hot-usual"),
    quantities={
        "hot-end": Quantity("final loss, hot run, no decay", lambda r: end(r["hot"]), "nats"),
        "hot-usual-end": Quantity("final loss, hot run, decay 0.1", lambda r: end(r["hot-usual"]), "nats"),
        "hot-strong-end": Quantity("final loss, hot run, decay 1.0", lambda r: end(r["hot-strong"]), "nats"),
        "deep-peak": Quantity("highest loss, deep run, no decay", lambda r: peak(r["deep"]), "nats"),
        "deep-strong-peak": Quantity("highest loss, deep run, decay 1.0", lambda r: peak(r["deep-strong"]), "nats"),
        "healthy-end": Quantity("final loss, healthy run, no decay", lambda r: end(r["healthy"]), "nats"),
        "healthy-usual-cost": Quantity(
            "what decay 0.1 adds to it", lambda r: end(r["healthy-usual"]) - end(r["healthy"]), "nats"
        ),
        "healthy-strong-cost": Quantity(
            "what decay 1.0 adds to it", lambda r: end(r["healthy-strong"]) - end(r["healthy"]), "nats"
        ),
        **{
            f"{name}-left-{noise:g}": Quantity(
                f"left of a weight of 1 under noise of size {noise:g}, {title}",
                lambda r, key=f"{name}-{noise:g}": r["noise"][key],
            )
            for name, title in (("l2", "Adam with L2"), ("adamw", "AdamW"))
            for noise in NOISE
        },
        **{
            f"{name}-{group}-rows": Quantity(
                f"length left of embedding rows of {group} bytes, {title}", lambda r, key=f"{name}-{group}": r["embedding"][key]
            )
            for name, title in (("l2", "Adam with L2"), ("adamw", "AdamW"))
            for group in ("common", "absent")
        },
    },
    shows=(
        "The usual decay of 0.1 is no cure here: it leaves the hot run stuck in most seeds, the deep one explodes, the healthy "
        "one hardly notices. Ten times as much frees the hot run, does not stop the explosion, and costs the healthy run some "
        "loss. Adam divides an L2 term by the root of the second moment like the rest of the gradient, so that the larger the "
        "gradients of a weight, the less it is decayed, and unused weights are erased; AdamW decays all alike."
    ),
    does_not_show=(
        "Long runs, in which decay keeps weights from growing over many thousands of steps; these take at most 200. Why "
        "decay 1.0 frees the stuck run was not measured. That it does is no recipe: it is ten times the usual value."
    ),
)
