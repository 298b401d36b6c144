"""Clipping before or after unscaling: the order of operations under a loss scale (claim D7).

Settings were found on seeds 20-22, tolerances on seeds 20-39.
"""

from collections.abc import Callable, Iterable, Mapping

from torch import nn

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, firing_rate
from stabilitylab.experiments.precision.fp16_underflow import FP16
from stabilitylab.training.config import RunConfig
from stabilitylab.training.precision import LossScaler, StaticLossScaler
from stabilitylab.training.telemetry import Run

SCALE = 2.0**15
LIMIT = 1.0
ADAM = FP16.replace(loss_scale=SCALE, clip_norm=LIMIT, steps=80)
SGD = ADAM.replace(optimizer="sgd", lr=0.1)


class ClipFirst(StaticLossScaler):
    """The mistake: the gradients are clipped while they still carry the loss scale."""

    def __init__(self, scale: float, limit: float):
        super().__init__(scale)
        self.limit = limit

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        nn.utils.clip_grad_norm_(parameters, self.limit)
        return super().unscale_(parameters)


def clip_first(limit: float = LIMIT) -> Callable[[RunConfig], Mapping[str, LossScaler]]:
    """The parts of an arm that clips the scaled gradients to a limit of its own."""

    def parts(config: RunConfig) -> Mapping[str, LossScaler]:
        return {"scaler": ClipFirst(config.loss_scale, limit)}

    return parts


def _fall(run: Run) -> float:
    """How far the loss fell from the first step to the end, in nats."""
    return run.records[0].loss - end(run)


EXPERIMENT = Experiment(
    name="unscale-order",
    question="what happens if gradients are clipped before they are unscaled?",
    arms={
        "sgd": Arm(SGD, "SGD 0.1 in fp16, loss scale 2^15: unscale, then clip at 1.0"),
        "sgd-wrong": Arm(SGD.replace(clip_norm=None), "the same with the scaled gradient clipped at 1.0", parts=clip_first()),
        "sgd-scaled-limit": Arm(
            SGD.replace(clip_norm=None),
            "the scaled gradient clipped at 1.0 times the loss scale",
            parts=clip_first(LIMIT * SCALE),
        ),
        "adam": Arm(ADAM, "Adam 1e-2 in fp16, loss scale 2^15: unscale, then clip at 1.0"),
        "adam-wrong": Arm(ADAM.replace(clip_norm=None), "the same with the scaled gradient clipped at 1.0", parts=clip_first()),
    },
    expectations={
        "sgd-learns": Expectation("In the right order SGD's loss falls by more than 2 nats.", lambda r: _fall(r["sgd"]) > 2),
        "sgd-stands-still": Expectation(
            "In the wrong order it falls by less than a tenth of that.",
            lambda r: _fall(r["sgd-wrong"]) < 0.1 * _fall(r["sgd"]),
        ),
        "limit-was-divided": Expectation(
            "In the wrong order no gradient that reaches the update is longer than 1.0 / 2^15.",
            lambda r: all(max(r[a].column("clipped_norm")) < 1.01 * LIMIT / SCALE for a in ("sgd-wrong", "adam-wrong")),
        ),
        "scaled-limit-is-right": Expectation(
            "With the limit scaled too, the order makes no difference: the ends agree within 0.01 nat.",
            lambda r: abs(end(r["sgd-scaled-limit"]) - end(r["sgd"])) < 0.01,
        ),
        "adam-hides-it": Expectation(
            "Adam hides the mistake: both orders fall by more than 2 nats and end within 0.1 nat of each other.",
            lambda r: min(_fall(r["adam"]), _fall(r["adam-wrong"])) > 2 and abs(end(r["adam-wrong"]) - end(r["adam"])) < 0.1,
        ),
    },
    control=("sgd", "sgd-wrong"),
    quantities={
        "sgd-end": Quantity("final loss, SGD, right order", lambda r: end(r["sgd"]), "nats"),
        "sgd-wrong-end": Quantity("final loss, SGD, wrong order", lambda r: end(r["sgd-wrong"]), "nats"),
        "sgd-fall": Quantity("how far the loss falls, SGD, right order", lambda r: _fall(r["sgd"]), "nats"),
        "sgd-wrong-fall": Quantity("how far the loss falls, SGD, wrong order", lambda r: _fall(r["sgd-wrong"]), "nats"),
        "adam-end": Quantity("final loss, Adam, right order", lambda r: end(r["adam"]), "nats"),
        "adam-gap": Quantity("Adam, wrong order above right", lambda r: end(r["adam-wrong"]) - end(r["adam"]), "nats"),
        "scaled-limit-gap": Quantity(
            "SGD with the limit scaled, above the right order", lambda r: end(r["sgd-scaled-limit"]) - end(r["sgd"]), "nats"
        ),
        "sgd-fires": Quantity("share of steps that clipping shortens, SGD, right order", lambda r: firing_rate(r["sgd"])),
    },
    columns=(*CURVES, "update_ratio", "loss_scale"),
    shows=(
        "Clip the still-scaled gradient at 1.0 and the limit is really 1.0 / 2^15: SGD stands still. Adam divides the "
        "gradient's size away, trains as if nothing were wrong, and so hides the mistake. The order is scale, backward, "
        "unscale, clip, step."
    ),
    does_not_show=(
        "That the wrong order is harmless under Adam: it clips every step, so that steps are weighted against each other in "
        "another way, and a gradient norm logged there is 2^15 times the true one. A small loss scale would blur all of this."
    ),
)
