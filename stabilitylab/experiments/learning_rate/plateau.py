"""Three plateaus and what frees each: a rate too low, a run that is stuck, a model too small (claims B7, C4).

Settings and tolerances were set on seeds 40-44 and 100-103.

Also tried, as models too small: widths 3, 4 and 8. Their loss still falls after 800 steps, so that there is no plateau to speak
of.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.learning_rate.constant_lr import HOT, PRE
from stabilitylab.experiments.observables import end, learned, stuck
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import recent_drop

CRAWL = HOT.replace(lr=1e-5, steps=200)
STUCK = HOT.replace(steps=250)
NARROW = HOT.replace(model=dataclasses.replace(PRE, layers=1, width=2, heads=1), steps=240)
CHANGE = 100


def then(lr: float, warmup_steps: int = 0) -> Callable[[RunConfig], Mapping[str, Any]]:
    """The config's own rate up to step ``CHANGE``, then another, reached at once or by a linear warmup from 0."""

    def parts(config: RunConfig) -> Mapping[str, Any]:
        def schedule(step: int) -> float:
            if step < CHANGE:
                return config.lr
            return lr * min(1.0, (step - CHANGE) / warmup_steps) if warmup_steps else lr

        return {"schedule": schedule}

    return parts


EXPERIMENT = Experiment(
    name="plateau",
    question="the loss has stopped falling: does changing the learning rate help?",
    arms={
        "crawl": Arm(CRAWL, "post-LN at constant 1e-5"),
        "crawl-raised": Arm(CRAWL, "raised to 1e-3 at step 100", parts=then(1e-3)),
        "stuck": Arm(STUCK, "post-LN at constant 1e-2, stuck at the unigram plateau"),
        "stuck-lowered": Arm(STUCK, "lowered to 1e-3 at step 100", parts=then(1e-3)),
        "stuck-raised": Arm(STUCK, "raised to 3e-2 at step 100", parts=then(3e-2)),
        "stuck-warmed": Arm(
            STUCK.replace(steps=300), "a late warmup: from 0 at step 100 to 1e-2 at step 200", parts=then(1e-2, warmup_steps=100)
        ),
        "warmed-early": Arm(STUCK.replace(warmup_steps=150), "150 steps of warmup to 1e-2 from the start"),
        "narrow": Arm(NARROW, "pre-LN, one layer, width 2, constant 1e-2"),
        "narrow-lowered": Arm(NARROW, "lowered to 1e-3 at step 100", parts=then(1e-3)),
        "narrow-raised": Arm(NARROW, "raised to 3e-2 at step 100", parts=then(3e-2)),
        "wide": Arm(NARROW.replace(model__width=32), "width 32 at the same constant 1e-2"),
    },
    expectations={
        "crawl-looks-flat": Expectation(
            "At 1e-5 the loss falls by less than 0.2 nat from the third quarter of the run to the last.",
            lambda r: recent_drop(r["crawl"].column("loss")) < 0.2,
        ),
        "raising-frees-the-crawl": Expectation(
            "Raising the rate to 1e-3 gains more than a nat in 100 steps.",
            lambda r: end(r["crawl-raised"]) < end(r["crawl"]) - 1,
        ),
        "no-rate-frees-the-stuck": Expectation(
            (
                "Of the run stuck at 1e-2, neither lowering the rate, nor raising it, nor a late warmup trains it within 150 to "
                "200 steps."
            ),
            lambda r: stuck(r["stuck-lowered"]) and stuck(r["stuck-raised"]) and stuck(r["stuck-warmed"]),
            share=0.7,
        ),
        "early-beats-late": Expectation(
            "The same peak warmed up from the start ends below every one of them.",
            lambda r: end(r["warmed-early"]) < min(end(r["stuck-lowered"]), end(r["stuck-raised"]), end(r["stuck-warmed"])),
        ),
        "narrow-is-stuck": Expectation("The model of width 2 is stuck on the same plateau.", lambda r: stuck(r["narrow"])),
        "no-rate-frees-the-narrow": Expectation(
            "Neither a lower nor a higher rate gains it 0.1 nat.",
            lambda r: min(end(r["narrow-lowered"]), end(r["narrow-raised"])) > end(r["narrow"]) - 0.1,
        ),
        "width-does": Expectation(
            "Width 32 ends 0.3 nat lower or more.",
            lambda r: learned(r["wide"]) and end(r["wide"]) < end(r["narrow"]) - 0.3,
        ),
    },
    control=("crawl-raised", "crawl"),
    quantities={
        "crawl-end": Quantity("final loss at constant 1e-5", lambda r: end(r["crawl"]), "nats"),
        "crawl-drop": Quantity(
            "fall from its third quarter to its last", lambda r: recent_drop(r["crawl"].column("loss")), "nats"
        ),
        "crawl-raised-end": Quantity("final loss, raised to 1e-3", lambda r: end(r["crawl-raised"]), "nats"),
        "stuck-end": Quantity("final loss at constant 1e-2", lambda r: end(r["stuck"]), "nats"),
        "stuck-lowered-end": Quantity("final loss of the stuck run, lowered to 1e-3", lambda r: end(r["stuck-lowered"]), "nats"),
        "stuck-raised-end": Quantity("the same, raised to 3e-2", lambda r: end(r["stuck-raised"]), "nats"),
        "stuck-warmed-end": Quantity(
            "final loss of the stuck run, after a late warmup", lambda r: end(r["stuck-warmed"]), "nats"
        ),
        "warmed-early-end": Quantity("final loss, warmed up from the start", lambda r: end(r["warmed-early"]), "nats"),
        "narrow-end": Quantity("final loss, width 2", lambda r: end(r["narrow"]), "nats"),
        "narrow-lowered-end": Quantity("the same, lowered to 1e-3", lambda r: end(r["narrow-lowered"]), "nats"),
        "narrow-raised-end": Quantity(
            "final loss of the narrow model, raised to 3e-2", lambda r: end(r["narrow-raised"]), "nats"
        ),
        "wide-end": Quantity("final loss, width 32", lambda r: end(r["wide"]), "nats"),
    },
    columns=(*CURVES, "lr"),
    shows=(
        "Three flat curves, three causes. Where the rate is too low, raising it is the fix. A run that a hot start left at the "
        "unigram plateau is in most seeds freed by no rate tried afterwards, though the same peak after an early warmup trains. "
        "A model of width 2 stays on the very same plateau at every rate; width frees it."
    ),
    does_not_show=(
        "The stuck runs were followed for 150 to 200 steps after the change: not that they would never leave the plateau. Width "
        "2 is an extreme case: LayerNorm leaves two numbers only their order. At such widths most models still crawl downhill."
    ),
)
