"""One bad batch, and four in a row, under SGD and under Adam (claims D1, E3).

Settings were found on seeds 20-23, tolerances on seeds 20-39.

Expected clipping to take the spike away under Adam too; found that it does on some seeds only.
"""

from statistics import median

from stabilitylab.corpus import Injection
from stabilitylab.experiments import Arm, Expectation, Experiment, Figure, Results
from stabilitylab.experiments.observables import end
from stabilitylab.model import ModelConfig
from stabilitylab.telemetry import Run
from stabilitylab.training import RunConfig

AT = 40
SGD = RunConfig(
    model=ModelConfig(layers=2, width=32, heads=2, context=32),
    optimizer="sgd",
    lr=0.1,
    warmup_steps=10,
    steps=80,
    min_distinct_bytes=4,
)
ADAM = SGD.replace(optimizer="adam", lr=3e-3)
ONE, FOUR = (Injection("repeated_byte", (AT,)),), (Injection("repeated_byte", tuple(range(AT, AT + 4))),)


def surprise(run: Run, at: int = AT) -> float:
    """The gradient norm of a step over the median of the 20 before it."""
    norms = run.column("grad_norm")
    return norms[at] / median(norms[at - 20 : at])


def gap(r: Results, arm: str, twin: str) -> float:
    """How much higher an arm ends than its uninjected twin, in nats."""
    return end(r[arm]) - end(r[twin])


def spike(r: Results, arm: str, twin: str, first: int = AT + 4) -> float:
    """How far the loss rises above the twin's on the same clean batches, in nats."""
    return max(a - b for a, b in zip(r[arm].column("loss")[first:], r[twin].column("loss")[first:]))


EXPERIMENT = Experiment(
    name="bad-batch",
    question="can one bad batch ruin a run?",
    arms={
        "sgd": Arm(SGD, "SGD, no bad batch"),
        "sgd-one": Arm(SGD.replace(injections=ONE), "SGD, one byte fills the whole batch at step 40"),
        "sgd-four": Arm(SGD.replace(injections=FOUR), "SGD, the same at steps 40 to 43"),
        "sgd-clip": Arm(SGD.replace(clip_norm=1.0), "SGD clipped at 1.0, no bad batch"),
        "sgd-clip-four": Arm(SGD.replace(clip_norm=1.0, injections=FOUR), "SGD clipped at 1.0, four bad batches"),
        "adam": Arm(ADAM, "Adam, no bad batch"),
        "adam-one": Arm(ADAM.replace(injections=ONE), "Adam, one bad batch"),
        "adam-four": Arm(ADAM.replace(injections=FOUR), "Adam, four bad batches"),
        "adam-clip": Arm(ADAM.replace(clip_norm=1.0), "Adam clipped at 1.0, no bad batch"),
        "adam-clip-four": Arm(ADAM.replace(clip_norm=1.0, injections=FOUR), "Adam clipped at 1.0, four bad batches"),
    },
    expectations={
        "bad-batch-stands-out": Expectation(
            "The bad batch's gradient norm is more than 5 times the median of the 20 before it, SGD and Adam.",
            lambda r: min(surprise(r["sgd-one"]), surprise(r["adam-one"])) > 5,
        ),
        "not-a-hundredfold": Expectation(
            "Under SGD it is far from 100 times: less than 25.", lambda r: surprise(r["sgd-one"]) < 25
        ),
        "one-does-not-ruin": Expectation(
            "After a single bad batch SGD ends less than 0.25 nat above its twin, 36 steps later.",
            lambda r: gap(r, "sgd-one", "sgd") < 0.25,
        ),
        "one-jolts-sgd": Expectation(
            "It raises the loss of SGD all the same, by more than 0.1 nat and less than 1.",
            lambda r: 0.1 < spike(r, "sgd-one", "sgd", AT + 1) < 1,
        ),
        "four-hurt-sgd": Expectation(
            "Four in a row raise SGD's loss by more than 1 nat, and it ends more than 0.05 nat above its twin.",
            lambda r: spike(r, "sgd-four", "sgd") > 1 and gap(r, "sgd-four", "sgd") > 0.05,
        ),
        "four-are-worse-than-one": Expectation(
            "Four spike higher than one, under SGD and under Adam.",
            lambda r: (
                spike(r, "sgd-four", "sgd") > spike(r, "sgd-one", "sgd", AT + 1)
                and spike(r, "adam-four", "adam") > spike(r, "adam-one", "adam", AT + 1)
            ),
        ),
        "clip-cuts-the-spike-of-sgd": Expectation(
            "Clipping at 1.0 makes SGD's spike less than half as high.",
            lambda r: spike(r, "sgd-clip-four", "sgd-clip") < spike(r, "sgd-four", "sgd") / 2,
        ),
        "clip-closes-the-gap-of-sgd": Expectation(
            "In most seeds it makes the final gap of SGD smaller.",
            lambda r: gap(r, "sgd-clip-four", "sgd-clip") < gap(r, "sgd-four", "sgd"),
            share=0.7,
        ),
    },
    control=("sgd-clip-four", "sgd-four"),
    figures={
        "sgd-surprise": Figure("gradient norm of the bad batch over the median before it, SGD", lambda r: surprise(r["sgd-one"])),
        "adam-surprise": Figure("the same, Adam", lambda r: surprise(r["adam-one"])),
        "sgd-one-gap": Figure("final loss above the twin's, SGD, one bad batch", lambda r: gap(r, "sgd-one", "sgd"), "nats"),
        "sgd-four-gap": Figure("final loss above the twin's, SGD, four bad batches", lambda r: gap(r, "sgd-four", "sgd"), "nats"),
        "sgd-clip-gap": Figure("the same, four and clipped at 1.0", lambda r: gap(r, "sgd-clip-four", "sgd-clip"), "nats"),
        "adam-one-gap": Figure("final loss above the twin's, Adam, one bad batch", lambda r: gap(r, "adam-one", "adam"), "nats"),
        "adam-four-gap": Figure(
            "final loss above the twin's, Adam, four bad batches", lambda r: gap(r, "adam-four", "adam"), "nats"
        ),
        "adam-clip-gap": Figure(
            "the same, Adam, four and clipped at 1.0", lambda r: gap(r, "adam-clip-four", "adam-clip"), "nats"
        ),
        "sgd-one-spike": Figure(
            "highest loss above the twin's after it, SGD, one bad batch", lambda r: spike(r, "sgd-one", "sgd", AT + 1), "nats"
        ),
        "sgd-four-spike": Figure(
            "highest loss above the twin's after it, SGD, four bad batches", lambda r: spike(r, "sgd-four", "sgd"), "nats"
        ),
        "sgd-clip-spike": Figure(
            "highest loss above the twin's after it, SGD, four and clipped at 1.0",
            lambda r: spike(r, "sgd-clip-four", "sgd-clip"),
            "nats",
        ),
        "adam-one-spike": Figure("the same, Adam, one bad batch", lambda r: spike(r, "adam-one", "adam", AT + 1), "nats"),
        "adam-four-spike": Figure("the same, Adam, four", lambda r: spike(r, "adam-four", "adam"), "nats"),
        "adam-clip-spike": Figure(
            "the same, Adam, four and clipped at 1.0", lambda r: spike(r, "adam-clip-four", "adam-clip"), "nats"
        ),
    },
    shows=(
        "A batch of one repeated byte makes a gradient about ten times as large as usual, not a hundred times. One such batch is a jolt that SGD has nearly "
        "forgotten 36 steps later. Four in a row raise the loss by some 3 nats, on the first clean batches after them, and leave SGD above its "
        "twin. Clipping at 1.0 takes away most of that spike. Under Adam four batches hurt too, and clipping does not reliably help."
    ),
    does_not_show=(
        "What a gradient of truly 100 times the usual size does, or a long run: the gap is taken after 36 clean steps and may close later. Adam's spikes "
        "differ so much between seeds that no size is claimed for them."
    ),
)
