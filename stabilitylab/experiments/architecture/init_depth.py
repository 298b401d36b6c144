"""Gradients at step 0 against depth, with and without norms: do Transformers lack the RNN's multiplicative explosion? (claims E6,
B2).

Settings were found on seeds 100-102, tolerances on seeds 200-219.

Also looked at: larger gains, where the model without norms overflows fp32 at 24 layers from gain 2 on; and PyTorch's default
initialisation, where 24 layers without norms multiply the gradient norm by 50 to 100 instead of by a million.
"""

import torch

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.telemetry import global_norm, gradient_norm_by_layer, gradients

DEPTHS = (2, 8, 16)
XAVIER = ModelConfig(width=32, heads=2, context=32, init="xavier")


def at_step_0(seed: int, **model: object) -> dict[str, float]:
    """Loss and gradient norm of the untrained model on its first batch, for each depth; and the last block's norm over the
    first's."""
    torch.set_num_threads(1)
    found = {}
    for layers in DEPTHS:
        config = RunConfig(model=XAVIER, seed=seed).replace(model__layers=layers, **{f"model__{k}": v for k, v in model.items()})
        trainer = Trainer(config)
        loss = trainer.loss(*trainer.batches(0))
        loss.backward()
        by_layer = gradient_norm_by_layer(trainer.model)
        found[f"loss_{layers}"] = loss.item()
        found[f"gradient_{layers}"] = global_norm(gradients(trainer.parameters))
        found[f"last_over_first_{layers}"] = by_layer[-1] / by_layer[0]
    return found


def growth(measured) -> float:
    """How many times larger the gradient norm is at 16 layers than at 2."""
    return measured["gradient_16"] / measured["gradient_2"]


EXPERIMENT = Experiment(
    name="init-depth",
    question="does the gradient of an untrained Transformer grow with its depth?",
    arms={
        "none": Measurement(lambda seed: at_step_0(seed, norm="none"), "Xavier initialisation, no norms"),
        "none-half": Measurement(lambda seed: at_step_0(seed, norm="none", init_gain=0.5), "no norms, every matrix halved"),
        "none-larger": Measurement(lambda seed: at_step_0(seed, norm="none", init_gain=1.5), "no norms, every matrix times 1.5"),
        "none-small": Measurement(lambda seed: at_step_0(seed, norm="none", init="gpt2"), "no norms, all weights N(0, 0.02)"),
        "pre": Measurement(lambda seed: at_step_0(seed, norm="pre"), "Xavier initialisation, pre-LN"),
        "pre-larger": Measurement(lambda seed: at_step_0(seed, norm="pre", init_gain=1.5), "pre-LN, every matrix times 1.5"),
        "post": Measurement(lambda seed: at_step_0(seed, norm="post"), "Xavier initialisation, post-LN"),
    },
    expectations={
        "explodes-without-norms": Expectation(
            "Without norms 16 layers have more than 100 times the gradient norm of 2 layers.", lambda r: growth(r["none"]) > 100
        ),
        "it-is-multiplicative": Expectation(
            "Each of the two steps in depth, 2 to 8 and 8 to 16 layers, multiplies it by more than 5.",
            lambda r: r["none"]["gradient_16"] > 5 * r["none"]["gradient_8"] > 25 * r["none"]["gradient_2"],
        ),
        "norms-stop-it": Expectation(
            "With pre-LN or post-LN 16 layers have less than 6 times the gradient norm of 2 layers.",
            lambda r: max(growth(r["pre"]), growth(r["post"])) < 6,
        ),
        "small-weights-stop-it-too": Expectation(
            "So does starting with small weights, N(0, 0.02), without any norm.", lambda r: growth(r["none-small"]) < 6
        ),
        "gain-is-the-factor": Expectation(
            "Without norms the growth with depth is larger, the larger the initial weights.",
            lambda r: growth(r["none-half"]) < growth(r["none"]) < growth(r["none-larger"]),
        ),
        "norms-do-not-care": Expectation(
            (
                "With pre-LN weights 1.5 times as large change the loss at 16 layers by less than 1.5 nats; without norms by "
                "more than 1000."
            ),
            lambda r: (
                abs(r["pre-larger"]["loss_16"] - r["pre"]["loss_16"]) < 1.5
                and r["none-larger"]["loss_16"] - r["none"]["loss_16"] > 1000
            ),
        ),
    },
    control=("pre", "none"),
    quantities={
        **{
            f"{arm}-growth": Quantity(f"gradient norm at 16 layers over that at 2, {arm}", lambda r, arm=arm: growth(r[arm]))
            for arm in ("none", "none-half", "none-larger", "none-small", "pre", "post")
        },
        **{
            f"{arm}-loss-{layers}": Quantity(
                f"loss at step 0, {layers} layers, {arm}", lambda r, arm=arm, layers=layers: r[arm][f"loss_{layers}"], "nats"
            )
            for arm in ("none", "pre", "post")
            for layers in (2, 16)
        },
        **{
            f"{arm}-last-over-first": Quantity(
                f"gradient norm of the last block over the first's, 16 layers, {arm}",
                lambda r, arm=arm: r[arm]["last_over_first_16"],
            )
            for arm in ("none", "pre", "post")
        },
    },
    shows=(
        "Residual branches without norms multiply signals and gradients from block to block, as the steps of a recurrent "
        "network do: with Xavier weights the gradient norm of 16 layers is over ten thousand times that of 2. Norms, before or "
        "after the sum, keep it within a factor of six in nearly every seed; so do halved or small initial weights."
    ),
    does_not_show=(
        "What becomes of it in training, and that small weights are enough there: they grow. A recurrent network also "
        "multiplies by the same matrix at every step, which a Transformer never does."
    ),
)
