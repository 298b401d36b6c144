"""Warmup and decay, each alone and together: a 2 x 2 (claim B4).

Settings were found on seeds 100-105; tolerances were set on seeds 0-39, 200-219 and 500-519.
"""

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import HOT
from stabilitylab.experiments.observables import end, learned, stuck

WARMED = HOT.replace(warmup_steps=150)

EXPERIMENT = Experiment(
    name="warmup-decay",
    question="of warmup and decay, which is the active ingredient?",
    arms={
        "neither": Arm(HOT, "post-LN at constant 1e-2"),
        "decay": Arm(HOT.replace(decay="cosine"), "cosine decay to 0, without warmup"),
        "warmup": Arm(WARMED, "150 steps of warmup, then constant"),
        "both": Arm(WARMED.replace(decay="cosine"), "150 steps of warmup, then cosine to 0"),
    },
    expectations={
        "decay-leaves-it": Expectation("Cosine decay without warmup leaves it stuck.", lambda r: stuck(r["decay"]), share=0.7),
        "warmup-trains": Expectation(
            "Warmup trains it, with or without decay.", lambda r: learned(r["warmup"]) and learned(r["both"])
        ),
        "warmup-beats-decay": Expectation(
            "Both runs with warmup end below both without, on the same seed.",
            lambda r: max(end(r["warmup"]), end(r["both"])) < min(end(r["neither"]), end(r["decay"])),
        ),
    },
    control=("warmup", "neither"),
    quantities={
        "neither-end": Quantity("final loss, neither", lambda r: end(r["neither"]), "nats"),
        "decay-end": Quantity("final loss, decay alone", lambda r: end(r["decay"]), "nats"),
        "warmup-end": Quantity("final loss, warmup alone", lambda r: end(r["warmup"]), "nats"),
        "both-end": Quantity("final loss, warmup and decay", lambda r: end(r["both"]), "nats"),
    },
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "On the stuck run warmup is the active ingredient: with it the run trains, whatever follows; decay alone frees about "
        "one run in ten."
    ),
    does_not_show="What decay is good for at the end of a long run: these runs are too short to profit from it.",
)
