"""A deep Transformer without norms, with PyTorch's default initialisation: where constant-LR Adam truly explodes (claim B1).

Settings were found on seeds 100-104, tolerances on seeds 200-219, 300-319 and 500-519.

Over the 80 seeds of 200-219, 500-519, 700-719 and 800-819 warmup and cosine at 1.5e-2 saved 72, over 1000-1019 18.

A lower peak was tried: warmup to 1e-2 saved 46 of 50 runs, to 1.5e-2 47 of 50. It is no surer, and was left out.
"""

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, finite, learned, peak
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import Verdict, diagnose
from stabilitylab.training.model import ModelConfig

DEEP = ModelConfig(layers=24, width=32, heads=4, context=32, norm="none", init="torch")
CONSTANT = RunConfig(model=DEEP, batch_size=4, lr=1.5e-2, steps=60)
WARMED = CONSTANT.replace(steps=200, warmup_steps=100, decay="cosine")


def explodes(run) -> bool:
    """Whether the loss reached ten times its start within three steps and the run ended dead."""
    seen = diagnose(run)
    return seen.exploded_at is not None and seen.exploded_at <= 3 and seen.verdict in (Verdict.DIVERGED, Verdict.NONFINITE)


EXPERIMENT = Experiment(
    name="no-norms",
    question="where does constant-LR Adam truly explode, and what stops it?",
    arms={
        "constant": Arm(CONSTANT, "24 layers, no norms, constant 1.5e-2"),
        "clip": Arm(CONSTANT.replace(clip_norm=1.0), "the same, with the global norm clipped at 1.0"),
        "warmup": Arm(WARMED, "the same peak after 100 steps of warmup, then cosine to 0 at step 200"),
        "gentle": Arm(CONSTANT.replace(lr=1e-3, steps=150), "the same deep model at the textbook's constant 1e-3"),
    },
    expectations={
        "explodes": Expectation(
            "Constant 1.5e-2 multiplies the loss by 10 within three updates and never comes back.",
            lambda r: explodes(r["constant"]),
        ),
        "clip-does-not-help": Expectation("Clipping at 1.0 does not prevent it.", lambda r: explodes(r["clip"])),
        "warmup-trains": Expectation(
            "Warmup to the same peak, then decay, trains most runs.", lambda r: learned(r["warmup"]), share=0.6
        ),
        "warmup-outlives-it": Expectation(
            "With warmup the loss is nowhere near ten times its start in the 60 steps in which the constant run dies.",
            lambda r: peak(r["warmup"], 0, 60) < 3 * r["warmup"].records[0].loss,
        ),
        "textbook-rate-is-fine": Expectation(
            "At constant 1e-3 even this model does not explode.",
            lambda r: diagnose(r["gentle"]).exploded_at is None and finite(r["gentle"]),
        ),
    },
    control=("warmup", "constant"),
    quantities={
        "constant-peak": Quantity("highest loss in 10 steps at constant 1.5e-2", lambda r: peak(r["constant"], 0, 10), "nats"),
        "clip-peak": Quantity(
            "highest loss in 10 steps at constant 1.5e-2, clipped at 1.0", lambda r: peak(r["clip"], 0, 10), "nats"
        ),
        "warmup-end": Quantity("final loss with warmup and decay", lambda r: end(r["warmup"]), "nats"),
        "gentle-end": Quantity("final loss at constant 1e-3, 150 steps", lambda r: end(r["gentle"]), "nats"),
    },
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "Take the norms out of a 24-layer Transformer and leave the initialisation alone, and constant-LR Adam multiplies the "
        "loss by ten within three updates. Clipping does not help, since Adam divides the gradient's size away. Warmup and "
        "decay do, for more than nine runs in ten."
    ),
    does_not_show=(
        "This is not how anyone builds a Transformer today, and the learning rate is fifteen times the textbook's: at 1e-3 the "
        "same model does not explode. Why the first steps compound over depth was not measured."
    ),
)
