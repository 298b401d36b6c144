"""Is the early gradient's variance what makes warmup necessary? RAdam's argument against the plain one (claim B3).

RAdam (Liu et al. 2019) argues that Adam's first steps are bad because its second moment rests on few gradients, so that the step
size has a huge variance. The plain explanation is that the first steps are too large, whatever Adam knows. The two part where
Adam has seen 100 batches before it may move: its moments are then well estimated, and its first steps as large as ever. They part
again at beta2 0.95: RAdam's correction and the warmup of 2 / (1 - beta2) steps that Ma & Yarats (2019) found as good are then
over in some 40 steps.

Settings were found on seeds 20-27, tolerances on seeds 200-219.

Also tried: 40 and 150 batches before the first step, stuck on 6 seeds of 6 as with 100; and the warmup of Ma & Yarats at beta2
0.99 and 0.999 (200 and 2000 steps), which trains 8 of 8.
"""

import torch

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import HOT
from stabilitylab.experiments.observables import end, learned, stuck
from stabilitylab.training.loop import Trainer

RUN = HOT.replace(steps=250)
WARMED = RUN.replace(warmup_steps=150)
SHORT_MEMORY = RUN.replace(betas=(0.9, 0.95))
FILL = 100
BATCHES = 32


def noise_share(trainer: Trainer, first: int) -> float:
    """The variance of the gradient over batches, over its mean square, summed over all parameters: between 0 (all batches agree)
    and 1."""
    total = square = torch.zeros(())
    for step in range(first, first + BATCHES):
        grads = torch.autograd.grad(trainer.loss(*trainer.batches(step)), trainer.parameters)
        flat = torch.cat([grad.flatten() for grad in grads]).double()
        total, square = total + flat, square + flat.square()
    mean, mean_square = total / BATCHES, square / BATCHES
    return ((mean_square - mean.square()).sum() / mean_square.sum()).item() * BATCHES / (BATCHES - 1)


def noise(seed: int) -> dict[str, float]:
    """The noise share of the gradient along the warmed-up run, on batches that are not trained on."""
    trainer = Trainer(WARMED.replace(seed=seed))
    shares = {"step_0": noise_share(trainer, WARMED.steps)}
    for record in trainer.steps():
        if record.step + 1 in (100, 250):
            shares[f"step_{record.step + 1}"] = noise_share(trainer, WARMED.steps)
    return shares


EXPERIMENT = Experiment(
    name="second-moment",
    question="is warmup needed because Adam's second moment is a poor estimate at first, or because the first steps are large?",
    arms={
        "prefilled": Arm(
            RUN,
            "post-LN, rate 0 while Adam's moments fill for 100 steps, then constant 1e-2",
            parts=lambda config: {"schedule": lambda step: 0.0 if step < FILL else config.lr},
        ),
        "warmup": Arm(WARMED, "150 steps of warmup, then constant 1e-2"),
        "radam": Arm(RUN.replace(optimizer="radam"), "RAdam with beta2 0.999 at constant 1e-2"),
        "radam-short": Arm(SHORT_MEMORY.replace(optimizer="radam"), "RAdam with beta2 0.95, whose correction ends sooner"),
        "untuned-short": Arm(
            SHORT_MEMORY.replace(warmup_steps=40), "Adam with beta2 0.95 after 2 / (1 - beta2) = 40 steps of warmup"
        ),
        "warmup-short": Arm(SHORT_MEMORY.replace(warmup_steps=150), "Adam with beta2 0.95 after 150 steps of warmup"),
        "noise": Measurement(noise, "the gradient's variance over batches, along the warmed-up run"),
    },
    expectations={
        "prefilling-does-not-help": Expectation(
            "With its moments filled by 100 batches Adam at constant 1e-2 does not train: it ends on the plateau or above.",
            lambda r: not learned(r["prefilled"]),
        ),
        "warmup-trains": Expectation(
            "150 steps of warmup train it, with beta2 0.999 and with 0.95.",
            lambda r: learned(r["warmup"]) and learned(r["warmup-short"]),
        ),
        "radam-trains": Expectation("RAdam with beta2 0.999 trains it.", lambda r: learned(r["radam"])),
        "small-steps-beat-a-good-estimate": Expectation(
            "Warmup and RAdam end more than 0.2 nat below the prefilled run of the same seed.",
            lambda r: max(end(r["warmup"]), end(r["radam"])) < end(r["prefilled"]) - 0.2,
        ),
        "long-beats-untuned": Expectation(
            "With beta2 0.95, 150 steps of warmup end below both RAdam and 40 steps of warmup of the same seed.",
            lambda r: end(r["warmup-short"]) < min(end(r["radam-short"]), end(r["untuned-short"])),
        ),
        "radam-short-is-stuck": Expectation(
            "In most seeds RAdam with beta2 0.95 is stuck.", lambda r: stuck(r["radam-short"]), share=0.5
        ),
        "noise-is-least-early": Expectation(
            (
                "The share of the gradient that is noise is smallest at step 0, below three quarters, and larger after 100 and "
                "250 steps."
            ),
            lambda r: r["noise"]["step_0"] < min(0.75, r["noise"]["step_100"], r["noise"]["step_250"]),
        ),
    },
    control=("prefilled", "warmup"),
    quantities={
        "prefilled-end": Quantity("final loss, moments filled first", lambda r: end(r["prefilled"]), "nats"),
        "warmup-end": Quantity("final loss, 150 steps of warmup", lambda r: end(r["warmup"]), "nats"),
        "radam-end": Quantity("final loss, RAdam, beta2 0.999", lambda r: end(r["radam"]), "nats"),
        "radam-short-end": Quantity("final loss, RAdam, beta2 0.95", lambda r: end(r["radam-short"]), "nats"),
        "untuned-short-end": Quantity("final loss, 40 steps of warmup, beta2 0.95", lambda r: end(r["untuned-short"]), "nats"),
        "warmup-short-end": Quantity("final loss, 150 steps of warmup, beta2 0.95", lambda r: end(r["warmup-short"]), "nats"),
        "noise-0": Quantity("noise share of the gradient at step 0", lambda r: r["noise"]["step_0"]),
        "noise-100": Quantity("noise share of the gradient after 100 steps of warmup", lambda r: r["noise"]["step_100"]),
        "noise-250": Quantity("the same after 250 steps", lambda r: r["noise"]["step_250"]),
    },
    columns=(*CURVES, "update_ratio"),
    shows=(
        "An Adam that has seen 100 batches before it may move stalls just as one that has seen none; small first steps are what "
        "trains the run. RAdam helps because with beta2 0.999 its first steps are small for long: with beta2 0.95 its "
        "correction and the warmup derived from it are over too soon, and 150 steps of plain warmup train. The gradient's "
        "variance over batches is neither infinite nor large early: the batches agree most at step 0."
    ),
    does_not_show=(
        "That the second moment's variance never matters: this is one post-LN model, whose trouble is the size of its steps. "
        "The prefilled moments are those of the untrained model and go stale once it moves."
    ),
)
