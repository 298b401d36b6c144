"""The run that constant 1e-2 leaves on the plateau, under each medicine of the popular cabinet (claims A5, B3, B4).

Settings were found on seeds 100-105; tolerances were set on seeds 0-39, 200-219, 300-319, 500-519 and 600-619, where between 0
and 3 of 20 runs escaped the plateau with clipping or decay alone. Over the 140 seeds of 0-39, 200-219, 500-519, 600-619, 700-719
and 800-819 the run escaped with clipping at 1.0 in 10, with cosine decay alone in 14, and with nothing in 6.
"""

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import HOT, PRE
from stabilitylab.experiments.observables import end, firing_rate, learned, stuck

EXPERIMENT = Experiment(
    name="stall-cures",
    question="what frees the run that a hot constant learning rate leaves on the plateau?",
    arms={
        "none": Arm(HOT, "post-LN at constant 1e-2, untreated"),
        "clip": Arm(HOT.replace(clip_norm=1.0), "with the global norm clipped at 1.0"),
        "tight-clip": Arm(HOT.replace(clip_norm=0.01), "clipped at 0.01, which fires on every step"),
        "warmup": Arm(HOT.replace(warmup_steps=150), "after 150 steps of linear warmup, then constant"),
        "radam": Arm(HOT.replace(optimizer="radam"), "with RAdam in the place of Adam"),
        "pre-ln": Arm(HOT.replace(model=PRE), "untreated, with the norms moved: pre-LN"),
    },
    expectations={
        "clip-leaves-it": Expectation("Clipping at 1.0 leaves it stuck.", lambda r: stuck(r["clip"]), share=0.7),
        "tight-clip-leaves-it": Expectation("Clipping at 0.01 leaves it stuck.", lambda r: stuck(r["tight-clip"]), share=0.7),
        "warmup-trains": Expectation("150 steps of warmup to the same peak train it.", lambda r: learned(r["warmup"])),
        "radam-trains": Expectation("RAdam trains it without any warmup.", lambda r: learned(r["radam"])),
        "pre-ln-trains": Expectation("At the same constant 1e-2 the pre-LN model trains.", lambda r: learned(r["pre-ln"])),
        "warmup-beats-clipping": Expectation(
            "The warmed-up run ends below both clipped ones of the same seed.",
            lambda r: end(r["warmup"]) < min(end(r["clip"]), end(r["tight-clip"])),
        ),
    },
    control=("warmup", "none"),
    quantities={
        "none-end": Quantity("final loss, untreated", lambda r: end(r["none"]), "nats"),
        "clip-end": Quantity("final loss, clipped at 1.0", lambda r: end(r["clip"]), "nats"),
        "tight-clip-end": Quantity("final loss, clipped at 0.01", lambda r: end(r["tight-clip"]), "nats"),
        "tight-clip-fires": Quantity("share of steps on which clipping at 0.01 fires", lambda r: firing_rate(r["tight-clip"])),
        "warmup-end": Quantity("final loss, 150 steps of warmup", lambda r: end(r["warmup"]), "nats"),
        "radam-end": Quantity("final loss, RAdam", lambda r: end(r["radam"]), "nats"),
        "pre-ln-end": Quantity("final loss, pre-LN", lambda r: end(r["pre-ln"]), "nats"),
    },
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "Warmup to the same peak trains the stuck run every time, and so do RAdam or moving the norms (pre-LN). Clipping, even "
        "at a level that fires on every step, frees about one run in ten: Adam divides the gradient's size away."
    ),
    does_not_show=(
        "Why RAdam works: it also takes smaller first steps, as warmup does. The experiment second-moment separates the two."
    ),
)
