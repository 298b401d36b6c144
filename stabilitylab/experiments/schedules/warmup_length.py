"""How long a warmup must be (claim B4).

Settings were found on seeds 100-105; tolerances were set on seeds 0-39 and 500-519.
"""

from functools import partial

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity, Results
from stabilitylab.experiments.learning_rate.constant_lr import HOT
from stabilitylab.experiments.observables import end, learned, stuck

LENGTHS = (25, 50, 100, 150)


def _end_after(steps: int, results: Results) -> float:
    return end(results[f"{steps}-steps"])


EXPERIMENT = Experiment(
    name="warmup-length",
    question="how long must a warmup be?",
    arms={
        f"{n}-steps": Arm(HOT.replace(warmup_steps=n), f"post-LN, {n} steps of warmup to 1e-2, then constant") for n in LENGTHS
    },
    expectations={
        "25-leaves-it": Expectation("25 steps of warmup leave it stuck.", lambda r: stuck(r["25-steps"]), share=0.7),
        "150-trains": Expectation("150 steps train it.", lambda r: learned(r["150-steps"])),
        "longer-is-better": Expectation(
            "150 steps end below 25 steps of the same seed.",
            lambda r: end(r["150-steps"]) < end(r["25-steps"]),
        ),
    },
    control=("150-steps", "25-steps"),
    quantities={f"{n}-end": Quantity(f"final loss after {n} steps of warmup", partial(_end_after, n), "nats") for n in LENGTHS},
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "25 steps of warmup are hardly better than none, 50 train some seeds, 100 nearly all and 150 every one: the length "
        "decides."
    ),
    does_not_show=(
        "A rule for the length. It depends on the model, the peak rate and beta2; 4000 steps is the setting of one paper's run "
        "of 100,000."
    ),
)
