"""Adam at a constant learning rate that is too high, without norms: spikes that grow until the run blows up (claim D5, learning
rate).

Settings were found on seeds 100-103, tolerances on seeds 20-39.

Also tried, on seeds 100-103: 12 layers at 1.5e-2 for 300 steps, which costs three times as much and shows the same: one to five
spikes, then ten times the first loss at steps 190-227; clipping at 1.0 does not save it, 5e-3, 1e-3 and cosine decay do. With
rows of fewer than four distinct bytes left in the text even the lower rate shows a spike now and then: they come from such
batches and do not grow.
"""

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, learned, nonfinite_at, peak
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import UNIFORM, diagnose
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.telemetry import Run

NO_NORMS = ModelConfig(layers=6, width=32, heads=4, context=32, norm="none", init="torch")
HIGH = RunConfig(model=NO_NORMS, lr=3e-2, betas=(0.9, 0.95), warmup_steps=50, steps=130, min_distinct_bytes=4)


def blow_up(run: Run) -> int:
    """First step with ten times the first loss; the number of steps if there is none."""
    found = diagnose(run).exploded_at
    return len(run.records) if found is None else found


def spikes_before(run: Run) -> int:
    """Spikes after the warmup and before the blow-up."""
    return sum(run.config["warmup_steps"] <= step < blow_up(run) for step in diagnose(run).spikes)


EXPERIMENT = Experiment(
    name="oscillation-divergence",
    question="what do spikes from a learning rate that is too high look like, and what stops them?",
    arms={
        "high": Arm(HIGH, "6 layers, no norms, 50 steps of warmup, then constant 3e-2"),
        "low": Arm(HIGH.replace(lr=1e-2), "the same batches at a third of the rate"),
        "decay": Arm(HIGH.replace(decay="cosine"), "the same peak, then cosine to 0 at step 130"),
        "clip": Arm(HIGH.replace(clip_norm=1.0), "constant 3e-2, with the global norm clipped at 1.0"),
    },
    expectations={
        "trains-first": Expectation(
            "At constant 3e-2 the run first trains: at some step its loss is below 3.5 nats.",
            lambda r: min(r["high"].column("loss")[:80]) < 3.5,
        ),
        "spikes-first": Expectation(
            "Then it spikes, at a rate that no longer changes, before it blows up.", lambda r: spikes_before(r["high"]) >= 1
        ),
        "blows-up": Expectation(
            "The spikes grow: the loss reaches ten times its start and ends above a uniform guess.",
            lambda r: diagnose(r["high"]).exploded_at is not None and not end(r["high"]) < UNIFORM,
        ),
        "low-is-calm": Expectation(
            "A third of the rate on the same batches: no spike, and it trains.",
            lambda r: not diagnose(r["low"]).spikes and learned(r["low"]),
        ),
        "decay-saves-it": Expectation(
            "In most seeds decay after the same peak trains it.",
            lambda r: learned(r["decay"]) and diagnose(r["decay"]).exploded_at is None,
            share=0.8,
        ),
        "clip-does-not": Expectation(
            "Clipping at 1.0 does not save it.",
            lambda r: not end(r["clip"]) < UNIFORM and diagnose(r["clip"]).exploded_at is not None,
        ),
        "numbers-stay-finite-first": Expectation(
            "Every number is finite up to the blow-up: this is not an overflow.",
            lambda r: nonfinite_at(r["high"]) > blow_up(r["high"]),
        ),
    },
    control=("low", "high"),
    quantities={
        "spikes": Quantity("spikes before the blow-up, constant 3e-2", lambda r: spikes_before(r["high"])),
        "blow-up": Quantity("first step with ten times the first loss", lambda r: blow_up(r["high"]), "steps"),
        "clip-blow-up": Quantity("the same, clipped at 1.0", lambda r: blow_up(r["clip"]), "steps"),
        "lowest": Quantity("lowest loss before it", lambda r: min(r["high"].column("loss")[:80]), "nats"),
        "high-peak": Quantity("highest loss, constant 3e-2", lambda r: peak(r["high"]), "nats"),
        "low-end": Quantity("final loss at constant 1e-2", lambda r: end(r["low"]), "nats"),
        "decay-end": Quantity("final loss with cosine decay", lambda r: end(r["decay"]), "nats"),
    },
    columns=(*CURVES, "update_ratio"),
    shows=(
        "Nothing changes any more, neither the rate nor the kind of text, and still the loss begins to spike, until it is "
        "thousands of nats. The same batches at a third of the rate show nothing. A lower rate cures it, and decay nearly "
        "always (one of twenty runs still blew up); clipping does not, since Adam divides the gradient's size away."
    ),
    does_not_show=(
        "That every spike of this kind grows: some pass. It has no norms, and a rate thirty times the textbook's. Why the run "
        "stays calm for tens of steps at the full rate before it spikes was not measured."
    ),
)
