"""The explosion of the deep model without norms, in fp16: where a NaN within 50 steps is real (claim B1).

Settings were found on seeds 100-104, tolerances on seeds 200-219, 300-319 and 500-519.
"""

from stabilitylab.experiments.architecture.no_norms import CONSTANT, WARMED
from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, learned, nonfinite_at
from stabilitylab.training.diagnosis import diagnose

EXPERIMENT = Experiment(
    name="no-norms-fp16",
    question="what does fp16 make of the explosion?",
    arms={
        "constant": Arm(
            CONSTANT.replace(steps=20, dtype="fp16"),
            (
                "24 layers, no norms, constant 1.5e-2, with the forward and backward pass in fp16, fp32 master weights, no loss "
                "scaling"
            ),
        ),
        "fp32": Arm(CONSTANT.replace(steps=20), "the same in fp32"),
        "warmup": Arm(WARMED.replace(dtype="fp16"), "fp16 with 100 steps of warmup, then cosine to 0 at step 200"),
    },
    expectations={
        "nan-in-five-steps": Expectation(
            "In fp16 the loss itself is NaN within five steps; in fp32 it is not.",
            lambda r: diagnose(r["constant"]).nonfinite_by(5) and not diagnose(r["fp32"]).nonfinite_by(5),
        ),
        "warmup-trains": Expectation("In fp16 warmup and decay train most runs too.", lambda r: learned(r["warmup"]), share=0.6),
        "warmup-outlives-it": Expectation(
            "With warmup no number is non-finite in the first twenty steps.", lambda r: not diagnose(r["warmup"]).nonfinite_by(20)
        ),
    },
    control=("warmup", "constant"),
    quantities={
        "nan-at": Quantity("first step with a non-finite number in fp16", lambda r: nonfinite_at(r["constant"]), "steps"),
        "warmup-end": Quantity("final loss in fp16 with warmup and decay", lambda r: end(r["warmup"]), "nats"),
    },
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "The same explosion ends at once in fp16, whose largest number is 65504: a matrix product beyond it is inf, and inf "
        "minus inf in the softmax is NaN. Warmup and decay train most runs."
    ),
    does_not_show=(
        "That fp16 causes the explosion: it only ends it sooner. In fp32 the loss is absurd but finite for forty steps and more."
    ),
)
