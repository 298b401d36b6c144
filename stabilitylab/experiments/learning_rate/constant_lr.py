"""Adam at a constant learning rate, from cold to hot, on a post-LN Transformer (claim B1).

Settings were found on seeds 100-105, tolerances on seeds 0-39, 200-219, 300-319, 500-519 and 600-619.
"""

import dataclasses

from stabilitylab.experiments.experiment import CURVES, Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.observables import end, finite, learned, peak, stuck, tame
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import Verdict, diagnose
from stabilitylab.training.model import ModelConfig

POST = ModelConfig(layers=4, width=32, heads=2, context=32, norm="post", init="xavier")
PRE = dataclasses.replace(POST, norm="pre")
HOT = RunConfig(model=POST, lr=1e-2, steps=300)

EXPERIMENT = Experiment(
    name="constant-lr",
    question="does Adam at a constant learning rate blow up a Transformer trained from scratch?",
    arms={
        "textbook": Arm(
            RunConfig(model=POST, lr=1e-3, steps=1000), "the interview's setting: post-LN, constant 1e-3, 1000 steps"
        ),
        "textbook-pre": Arm(RunConfig(model=PRE, lr=1e-3, steps=1000), "the same with the norms moved: pre-LN, constant 1e-3"),
        "cold": Arm(HOT.replace(lr=1e-4), "constant 1e-4: ten times colder than the textbook"),
        "hot": Arm(HOT, "constant 1e-2: ten times hotter than the textbook"),
    },
    expectations={
        "no-blow-up": Expectation(
            "At constant 1e-3 nothing blows up in 1000 steps, post-LN or pre-LN: no NaN, no rise of 1 nat.",
            lambda r: tame(r["textbook"]) and tame(r["textbook-pre"]),
        ),
        "textbook-trains": Expectation(
            "At constant 1e-3 both models train.", lambda r: learned(r["textbook"]) and learned(r["textbook-pre"])
        ),
        "hot-stalls": Expectation(
            "At constant 1e-2 the post-LN model is stuck at the unigram plateau, without a NaN.",
            lambda r: stuck(r["hot"]),
            share=0.8,
        ),
        "hot-is-finite": Expectation("Even at constant 1e-2 every number stays finite.", lambda r: finite(r["hot"])),
        "cold-crawls": Expectation(
            "At constant 1e-4 the model crawls.", lambda r: diagnose(r["cold"]).verdict == Verdict.CRAWLING
        ),
    },
    control=("textbook", "hot"),
    quantities={
        "textbook-end": Quantity("final loss, post-LN at constant 1e-3, 1000 steps", lambda r: end(r["textbook"]), "nats"),
        "textbook-pre-end": Quantity("final loss, pre-LN at constant 1e-3, 1000 steps", lambda r: end(r["textbook-pre"]), "nats"),
        "textbook-rise": Quantity(
            "highest loss above the first, post-LN at constant 1e-3",
            lambda r: peak(r["textbook"]) - r["textbook"].records[0].loss,
            "nats",
        ),
        "hot-end": Quantity("final loss at constant 1e-2, 300 steps", lambda r: end(r["hot"]), "nats"),
        "cold-end": Quantity("final loss at constant 1e-4, 300 steps", lambda r: end(r["cold"]), "nats"),
    },
    curve_seeds=range(10),
    columns=(*CURVES, "update_ratio"),
    shows=(
        "On a small post-LN Transformer constant 1e-3 trains. Ten times more does not explode either: the loss falls to what "
        "byte counts alone predict and stays there, with finite numbers everywhere. Ten times less crawls."
    ),
    does_not_show=(
        "Nothing about other sizes: how hot is too hot depends on width, depth, norm placement and batch. It does not show that "
        "the stuck runs would never leave the plateau, only that they had not after 300 steps."
    ),
)
