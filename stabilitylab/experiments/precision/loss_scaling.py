"""How large a loss scale must be, and how large it may be (claim C9).

Settings were found on seeds 0-2 and 20-22, tolerances on seeds 20-44. K divides the loss, see the experiment fp16-underflow.
"""

import math
from collections.abc import Callable, Mapping
from itertools import takewhile

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, finite
from stabilitylab.experiments.precision.fp16_underflow import FP16, FP32, MicroBatch, flushed, one_of
from stabilitylab.training.config import RunConfig
from stabilitylab.training.precision import DynamicLossScaler, LossScaler
from stabilitylab.training.telemetry import Run

EXACT, HALF = FP32.replace(steps=80), FP16.replace(steps=80)
FIRST_SCALE = 2.0**24


def dynamic(count: int) -> Callable[[RunConfig], Mapping[str, LossScaler]]:
    """The parts of an arm whose micro-batch is one of ``count``, under a dynamic loss scale that starts too high."""
    return lambda config: {"scaler": MicroBatch(count, DynamicLossScaler(FIRST_SCALE))}


def _skips(run: Run) -> int:
    return sum(record.skipped for record in run.records)


def _first_skips(run: Run) -> int:
    """Skipped steps in a row, from the first step on."""
    return sum(1 for _ in takewhile(lambda record: record.skipped, run.records))


def _level(run: Run) -> float:
    return math.log2(run.records[-1].loss_scale)


EXPERIMENT = Experiment(
    name="loss-scaling",
    question="does a loss scale of 1024 cure underflow?",
    arms={
        "fp32": Arm(EXACT, "fp32, for comparison"),
        "unscaled": Arm(HALF, "fp16, K = 1024, no loss scaling", parts=one_of(1024)),
        "static": Arm(HALF.replace(loss_scale=1024.0), "fp16, K = 1024, static scale 1024", parts=one_of(1024)),
        "static-far": Arm(HALF.replace(loss_scale=1024.0), "fp16, K = 2^20, static scale 1024", parts=one_of(2**20)),
        "dynamic-far": Arm(HALF, "fp16, K = 2^20, dynamic scale from 2^24", parts=dynamic(2**20)),
        "static-high": Arm(
            HALF.replace(loss_scale=FIRST_SCALE, on_nonfinite="stop"), "fp16, K = 1, static scale 2^24", parts=one_of(1)
        ),
        "dynamic": Arm(HALF, "fp16, K = 1, dynamic scale from 2^24", parts=dynamic(1)),
    },
    expectations={
        "1024-cures-k1024": Expectation(
            "At K = 1024 a scale of 1024 ends within 0.01 nat of fp32, and no scale more than 0.1 nat above it.",
            lambda r: abs(end(r["static"]) - end(r["fp32"])) < 0.01 and end(r["unscaled"]) > end(r["fp32"]) + 0.1,
        ),
        "1024-is-not-enough": Expectation(
            "At K = 2^20 a scale of 1024 ends more than 0.1 nat above fp32.",
            lambda r: end(r["static-far"]) > end(r["fp32"]) + 0.1,
        ),
        "dynamic-cures-far": Expectation(
            "At K = 2^20 a dynamic scale from 2^24 ends within 0.01 nat of fp32.",
            lambda r: abs(end(r["dynamic-far"]) - end(r["fp32"])) < 0.01,
        ),
        "dynamic-trains": Expectation(
            "At K = 1 a dynamic scale from 2^24 ends within 0.3 nat of fp32, and under 1% of the elements are zero.",
            lambda r: abs(end(r["dynamic"]) - end(r["fp32"])) < 0.3 and flushed(r["dynamic"]) < 0.01,
        ),
        "too-high-is-inf": Expectation(
            "At K = 1 a static scale of 2^24 applies inf or NaN at the very first step.",
            lambda r: r["static-high"].records[0].nonfinite,
        ),
        "dynamic-skips-first": Expectation(
            "The dynamic scale skips at least its first four steps in a row, and changes no weight in them.",
            lambda r: _first_skips(r["dynamic"]) >= 4 and all(x.update_ratio == 0 for x in r["dynamic"].records[:4]),
        ),
        "dynamic-settles": Expectation(
            "It skips no more than 12 steps in all, settles between 2^14 and 2^19, and never applies an inf or a NaN.",
            lambda r: _skips(r["dynamic"]) <= 12 and 14 <= _level(r["dynamic"]) <= 19 and finite(r["dynamic"]),
        ),
    },
    control=("dynamic", "static-high"),
    quantities={
        "fp32-end": Quantity("final loss, fp32", lambda r: end(r["fp32"]), "nats"),
        "static-gap": Quantity("K = 1024, static 1024, above fp32", lambda r: end(r["static"]) - end(r["fp32"]), "nats"),
        "static-far-gap": Quantity("K = 2^20, static 1024, above fp32", lambda r: end(r["static-far"]) - end(r["fp32"]), "nats"),
        "dynamic-gap": Quantity("K = 1, dynamic, above fp32", lambda r: end(r["dynamic"]) - end(r["fp32"]), "nats"),
        "dynamic-far-gap": Quantity("K = 2^20, dynamic, above fp32", lambda r: end(r["dynamic-far"]) - end(r["fp32"]), "nats"),
        "first-skips": Quantity(
            "skipped steps in a row at the start, dynamic, K = 1", lambda r: _first_skips(r["dynamic"]), "steps"
        ),
        "skips": Quantity("skipped steps in all, dynamic, K = 1", lambda r: _skips(r["dynamic"]), "steps"),
        "settles-at": Quantity("log2 of the last scale, dynamic, K = 1", lambda r: _level(r["dynamic"])),
        "nonfinite-high": Quantity(
            "share of gradient elements that are inf or NaN at step 0, static 2^24",
            lambda r: r["static-high"].records[0].nonfinite_fraction,
        ),
    },
    columns=(*CURVES, "flushed_fraction", "loss_scale", "skipped"),
    shows=(
        "A static scale of 1024 moves the point at which gradients vanish by a factor of 1024, and no further: it cures K = "
        "1024, and at K = 2^20 the run is as lame as K = 1024 was without it. Too high a scale is worse than none: inf at the "
        "first step. A dynamic scale comes down by itself until nothing overflows, and pays with a few skipped steps."
    ),
    does_not_show=(
        "Growth: the dynamic scale grows after 2000 good steps by default, and these runs are shorter. K = 2^20 is no real "
        "number of micro-batches; it stands for whatever makes gradients small."
    ),
)
