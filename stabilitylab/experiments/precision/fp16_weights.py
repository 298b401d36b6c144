"""Adam on weights stored in fp16: a NaN after the first update that no schedule prevents (claim B1).

Settings were found on seeds 100-104, tolerances on seeds 300-319.
"""

from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import POST
from stabilitylab.experiments.observables import end, finite, nonfinite_at
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import diagnose

PURE = RunConfig(model=POST, lr=1e-3, steps=60, dtype="fp16", master_weights=False)


EXPERIMENT = Experiment(
    name="fp16-weights",
    question="what happens to Adam when the weights themselves are stored in fp16?",
    arms={
        "pure": Arm(PURE, "weights, gradients and Adam's state in fp16, constant 1e-3, eps 1e-8"),
        "warmup": Arm(PURE.replace(warmup_steps=50), "the same with 50 steps of warmup"),
        "eps": Arm(PURE.replace(eps=1e-4), "the same with eps 1e-4, which fp16 can hold"),
        "master": Arm(PURE.replace(master_weights=True), "the same pass in fp16 over fp32 master weights"),
    },
    expectations={
        "first-update-is-nan": Expectation(
            "With fp16 weights and eps 1e-8 the first update makes NaN.", lambda r: diagnose(r["pure"]).nonfinite_by(2)
        ),
        "warmup-cannot-help": Expectation("Warmup cannot help.", lambda r: diagnose(r["warmup"]).nonfinite_by(2)),
        "eps-helps": Expectation("An eps that fp16 can hold keeps every number finite.", lambda r: finite(r["eps"])),
        "master-weights-help": Expectation("So do fp32 master weights.", lambda r: finite(r["master"])),
    },
    control=("master", "pure"),
    quantities={
        "nan-at": Quantity("first step with a non-finite number, eps 1e-8", lambda r: nonfinite_at(r["pure"]), "steps"),
        "eps-end": Quantity("final loss after 60 steps, eps 1e-4", lambda r: end(r["eps"]), "nats"),
        "master-end": Quantity("final loss after 60 steps, fp32 master weights", lambda r: end(r["master"]), "nats"),
    },
    shows=(
        "In fp16 1e-8 rounds to 0, and so does the square of any gradient below about 2e-4 (weighted with 1 - beta2 = 0.001, "
        "below 5e-3): Adam divides by 0 at its first update, at any learning rate."
    ),
    does_not_show="That eps 1e-4 is a good setting: it keeps numbers finite and says nothing about how well the run trains.",
)
