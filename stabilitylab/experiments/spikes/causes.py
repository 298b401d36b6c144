"""Four causes of spikes and NaN, each made on purpose, and a rule that names the cause from the records alone (claim D5).

Settings were found on seeds 100-102, tolerances on seeds 20-39.

Also tried, for the learning rate: Adam on a model with norms. It got stuck or trained in the few runs made, and showed no growing
spikes. SGD with momentum past its stability limit does; so does Adam without norms, in the experiment oscillation-divergence.
"""

import math
from collections.abc import Mapping
from typing import Any

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import peak
from stabilitylab.experiments.spikes.alarms import SGD, doubling
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.diagnosis import UNIFORM, diagnose
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.telemetry import Run

BASE = SGD.replace(steps=60)
DATA = BASE.replace(injections=(Injection("repeated_byte", (40, 41, 42, 43)),))
RATE = BASE.replace(lr=1.0, on_nonfinite="stop")
NUMERICS = BASE.replace(dtype="fp16", steps=40, on_nonfinite="stop")
DEEP = BASE.replace(
    model=ModelConfig(layers=10, width=32, heads=2, context=32, norm="none", init="xavier"), steps=20, on_nonfinite="stop"
)


def other_seed(config: RunConfig) -> Mapping[str, Any]:
    """Weights and clean batches of another seed: the same incident must be seen twice to be tied to its steps."""
    other = Trainer(config.replace(seed=config.seed + 100_000, injections=()))
    return {"model": other.model, "batches": other.batches}


def broken(run: Run) -> int:
    """First step with an inf or NaN among the gradients; the number of steps if there is none."""
    return next((r.step for r in run.records if r.nonfinite_fraction > 0), len(run.records))


def cause(run: Run, again: Run) -> str:
    """Names the cause of an incident from a run and a second one with other weights and other batches."""
    first, seen = run.records[0].loss, diagnose(run)
    if not first < 1.5 * UNIFORM:
        return "conditioning"  # before any update
    if broken(run) < len(run.records) and peak(run, 0, broken(run) + 1) < first + 1:
        return "numerics"  # inf or NaN out of a calm loss
    if seen.exploded_at is not None:
        return "learning rate"  # the loss grew without bound while every number was finite
    if set(seen.spikes) & set(diagnose(again).spikes):
        return "data"  # the same steps whatever the weights and the other batches
    return "none"


def named(arm: str, expected: str):
    """A check that the rule names this cause for an arm."""
    return lambda r: cause(r[arm], r[f"{arm}-again"]) == expected


def pair(name: str, config: RunConfig, about: str) -> dict[str, Arm]:
    return {name: Arm(config, about), f"{name}-again": Arm(config, "the same with another seed", parts=other_seed)}


EXPERIMENT = Experiment(
    name="causes",
    question="can the cause of an incident be named from the records of the run?",
    arms={
        **pair("healthy", BASE, "pre-LN, SGD 0.1 with momentum: nothing wrong"),
        **pair("data", DATA, "the same, with one byte repeated as the whole batch at steps 40-43"),
        **pair("rate", RATE, "the same clean batches at ten times the learning rate"),
        "numerics": Arm(NUMERICS, "the healthy run in fp16, the loss scale doubled at every step", parts=doubling),
        "numerics-fp32": Arm(NUMERICS.replace(dtype="fp32"), "the same loss scales in fp32", parts=doubling),
        "depth": Arm(DEEP, "10 layers without norms, xavier init"),
        "shallow": Arm(DEEP.replace(model__layers=2), "2 layers, otherwise the same"),
    },
    expectations={
        "names-data": Expectation("The rule names the data for the bad batches.", named("data", "data")),
        "names-rate": Expectation("It names the learning rate at ten times the rate.", named("rate", "learning rate")),
        "names-numerics": Expectation(
            "It names numerics for the overflow, and nothing for its fp32 twin.",
            lambda r: (
                cause(r["numerics"], r["healthy-again"]) == "numerics" and cause(r["numerics-fp32"], r["healthy-again"]) == "none"
            ),
        ),
        "names-conditioning": Expectation(
            "It names conditioning for 10 layers without norms, and nothing for 2.",
            lambda r: (
                cause(r["depth"], r["healthy-again"]) == "conditioning" and cause(r["shallow"], r["healthy-again"]) == "none"
            ),
        ),
        "names-nothing": Expectation("It names nothing for the healthy run.", named("healthy", "none")),
        "data-does-not-grow": Expectation(
            "The spike of the bad batches passes; the one of the learning rate grows past ten times the first loss.",
            lambda r: diagnose(r["data"]).exploded_at is None and diagnose(r["rate"]).exploded_at is not None,
        ),
    },
    control=("healthy", "rate"),
    quantities={
        "data-first-spike": Quantity(
            "first spike, bad batches", lambda r: next(iter(diagnose(r["data"]).spikes), math.inf), "steps"
        ),
        "data-peak": Quantity("highest loss, bad batches", lambda r: peak(r["data"]), "nats"),
        "rate-first-spike": Quantity(
            "first spike at ten times the rate", lambda r: next(iter(diagnose(r["rate"]).spikes), math.inf), "steps"
        ),
        "rate-shared-spikes": Quantity(
            "spikes at the same step in both seeds, ten times the rate",
            lambda r: len(set(diagnose(r["rate"]).spikes) & set(diagnose(r["rate-again"]).spikes)),
        ),
        "overflow-at": Quantity("first inf or NaN gradient, fp16", lambda r: broken(r["numerics"]), "steps"),
        "overflow-peak": Quantity("highest loss up to it", lambda r: peak(r["numerics"], 0, broken(r["numerics"]) + 1), "nats"),
        "depth-loss": Quantity("loss at step 0, 10 layers", lambda r: r["depth"].records[0].loss, "nats"),
        "depth-gradient": Quantity("gradient norm at step 0, 10 layers", lambda r: r["depth"].records[0].grad_norm),
        "shallow-loss": Quantity("loss at step 0, 2 layers", lambda r: r["shallow"].records[0].loss, "nats"),
        "shallow-gradient": Quantity("gradient norm at step 0, 2 layers", lambda r: r["shallow"].records[0].grad_norm),
    },
    columns=(*CURVES, "loss_scale"),
    shows=(
        "Each cause leaves its mark: a bad batch the same steps whatever the seed, a learning rate past the limit a loss that "
        "grows without bound while every number is finite, an overflow inf or NaN out of a calm loss, depth without norms a "
        "loss and a gradient norm that are too large before any update. The order of the questions matters: runs of a rate past "
        "its limit may spike at the same step by chance."
    ),
    does_not_show=(
        "Causes in mixture, or mild ones: each was made on purpose and strong. The rule was written with these incidents in "
        "view. The step alone does not separate a bad batch from anything else that happens on a schedule."
    ),
)
