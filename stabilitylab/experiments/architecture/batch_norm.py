"""BatchNorm in a Transformer: what it breaks, and what it does not (claim A6).

Settings and tolerances were set on seeds 20-25 and 30-32.

Expected BatchNorm to train worse than LayerNorm, and to be worse in evaluation mode than in training mode; found neither. In
place of LayerNorm it even trains the post-LN run that constant 1e-2 leaves on the plateau, and its running averages do slightly
better than the statistics of a batch of 8. The case against it is what it computes in training, not how stable it is.
"""

import copy

import torch
from torch import Tensor, nn

from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import HOT, PRE
from stabilitylab.experiments.observables import end, learned, stuck
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import Transformer

ROWS = 64
HEALTHY = HOT.replace(model=PRE, model__layers=2, lr=3e-3, steps=150)


class BatchNorm(nn.BatchNorm1d):
    """Normalises each feature over all positions of all rows of the batch."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.flatten(0, 1)).view_as(x)


def with_batch_norm(config: RunConfig) -> dict[str, Transformer]:
    """The model of the config's seed with BatchNorm in the place of every LayerNorm, as an argument for ``Trainer``."""
    model = Trainer(config).model
    for parent in list(model.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.LayerNorm):
                setattr(parent, name, BatchNorm(config.model.width))
    return {"model": model}


@torch.no_grad()
def held_out(trainer: Trainer, batch_size: int, training: bool) -> float:
    """Mean loss over the same held-out rows, in batches of the given size, with the norms in training or evaluation mode."""
    model = copy.deepcopy(trainer.model).train(training)  # a forward pass in training mode moves the running averages
    rows = trainer.corpus.batches(ROWS, trainer.config.model.context, seed=0, split="validation")(0)
    losses = []
    for inputs, targets in zip(rows.inputs.split(batch_size), rows.targets.split(batch_size), strict=True):
        losses.append(nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).item())
    return sum(losses) / len(losses)


def modes(seed: int, batch_norm: bool) -> dict[str, float]:
    """What a trained model gives in both modes, and how far other bytes of the batch reach into a prediction."""
    config = HEALTHY.replace(seed=seed)
    trainer = Trainer(config, model=with_batch_norm(config)["model"] if batch_norm else None)
    for _ in trainer.steps():
        pass
    return {
        "train_8": held_out(trainer, 8, training=True),
        "train_1": held_out(trainer, 1, training=True),
        "eval_8": held_out(trainer, 8, training=False),
        "eval_1": held_out(trainer, 1, training=False),
        "from_the_future": reach(trainer, training=True, row=0),
        "from_another_row": reach(trainer, training=True, row=1),
        "from_the_future_eval": reach(trainer, training=False, row=0),
    }


@torch.no_grad()
def reach(trainer: Trainer, training: bool, row: int) -> float:
    """The largest change of row 0's logits, before its last position, when the last byte of a row is changed."""
    model = copy.deepcopy(trainer.model).train(training)
    inputs = trainer.batches(trainer.config.steps).inputs
    changed = inputs.clone()
    changed[row, -1] = (changed[row, -1] + 1) % 256
    return (model(changed) - model(inputs))[0, :-1].abs().max().item()


EXPERIMENT = Experiment(
    name="batch-norm",
    question="what is wrong with BatchNorm in a Transformer?",
    arms={
        "layer-norm": Measurement(lambda seed: modes(seed, batch_norm=False), "a pre-LN Transformer trained at 3e-3"),
        "batch-norm": Measurement(lambda seed: modes(seed, batch_norm=True), "the same with BatchNorm over batch and positions"),
        "hot-layer-norm": Arm(HOT.replace(steps=200), "post-LN at constant 1e-2, with LayerNorm"),
        "hot-batch-norm": Arm(HOT.replace(steps=200), "the same with BatchNorm in its place", parts=with_batch_norm),
    },
    expectations={
        "it-sees-the-future": Expectation(
            "With BatchNorm in training mode the last byte of a row changes predictions made before it.",
            lambda r: r["batch-norm"]["from_the_future"] > 1e-3,
        ),
        "it-sees-other-rows": Expectation(
            "The last byte of another row changes them too.", lambda r: r["batch-norm"]["from_another_row"] > 1e-3
        ),
        "layer-norm-does-not": Expectation(
            "With LayerNorm neither does, by rounding or at all.",
            lambda r: max(r["layer-norm"]["from_the_future"], r["layer-norm"]["from_another_row"]) < 1e-5,
        ),
        "evaluation-mode-does-not": Expectation(
            "Nor with BatchNorm in evaluation mode: the model that is used is not the model that was trained.",
            lambda r: r["batch-norm"]["from_the_future_eval"] < 1e-5,
        ),
        "small-batches-hurt-it": Expectation(
            (
                "With statistics of single rows instead of 8 the loss of the same rows is more than 0.1 nat higher; LayerNorm's "
                "is the same."
            ),
            lambda r: (
                r["batch-norm"]["train_1"] - r["batch-norm"]["train_8"] > 0.1
                and abs(r["layer-norm"]["train_1"] - r["layer-norm"]["train_8"]) < 1e-4
            ),
        ),
        "it-is-not-unstable": Expectation(
            "BatchNorm trains the hot run that stalls with post-LN.", lambda r: learned(r["hot-batch-norm"])
        ),
        "hot-layer-norm-stalls": Expectation(
            "In most seeds LayerNorm in the same place leaves it stuck.", lambda r: stuck(r["hot-layer-norm"]), share=0.7
        ),
    },
    control=("layer-norm", "batch-norm"),
    quantities={
        "from-the-future": Quantity(
            "largest change of an earlier logit by the row's last byte, BatchNorm", lambda r: r["batch-norm"]["from_the_future"]
        ),
        "from-another-row": Quantity(
            "change of earlier logits by another row's last byte, BatchNorm in training mode",
            lambda r: r["batch-norm"]["from_another_row"],
        ),
        "single-rows": Quantity(
            "loss with the statistics of single rows above that with batches of 8, BatchNorm",
            lambda r: r["batch-norm"]["train_1"] - r["batch-norm"]["train_8"],
            "nats",
        ),
        "evaluation-mode": Quantity(
            "loss in evaluation mode above that in training mode, batches of 8, BatchNorm",
            lambda r: r["batch-norm"]["eval_8"] - r["batch-norm"]["train_8"],
            "nats",
        ),
        "against-layer-norm": Quantity(
            "held-out loss in evaluation mode, BatchNorm above LayerNorm",
            lambda r: r["batch-norm"]["eval_8"] - r["layer-norm"]["eval_8"],
            "nats",
        ),
        "hot-layer-norm-end": Quantity("final loss at constant 1e-2, LayerNorm", lambda r: end(r["hot-layer-norm"]), "nats"),
        "hot-batch-norm-end": Quantity("final loss at constant 1e-2, BatchNorm", lambda r: end(r["hot-batch-norm"]), "nats"),
    },
    shows=(
        "Statistics over batch and positions let a prediction see bytes after it and in other rows: in training the model is "
        "not causal, and the one that is used afterwards, on running averages, is another model. Its loss depends on the size "
        "of the batch it is normalised with. It is not unstable: where post-LN stalls it trains."
    ),
    does_not_show=(
        "That a model ever makes much use of the leak: here the held-out loss in evaluation mode, which has none, is no worse. "
        "Nor what happens in long runs, with padding, or over several devices."
    ),
)
