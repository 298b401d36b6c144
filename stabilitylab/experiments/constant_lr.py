"""Adam at a constant learning rate, from cold to hot, on a post-LN Transformer (claim B1, and B4 in part).

Settings were found on seeds 100-105; the tolerances were set on seeds 0-39, 200-219, 300-319, 500-519 and 600-619, where between 0 and 3 of 20 runs
escaped the plateau with clipping or decay alone; the recorded evidence is seeds 0-9.
"""

import dataclasses

from stabilitylab.diagnosis import Verdict, diagnose
from stabilitylab.experiments import Arm, Expectation, Experiment
from stabilitylab.model import ModelConfig
from stabilitylab.telemetry import Run
from stabilitylab.training import RunConfig

POST = ModelConfig(layers=4, width=32, heads=2, context=32, norm="post", init="xavier")
PRE = dataclasses.replace(POST, norm="pre")
HOT = RunConfig(model=POST, lr=1e-2, steps=300)


def tame(run: Run) -> bool:
    """Whether a run stayed finite and never rose 1 nat above its first loss."""
    return all(not r.nonfinite and r.loss < run.records[0].loss + 1 for r in run.records)


def stuck(run: Run) -> bool:
    """Whether a run ended on the unigram plateau."""
    return diagnose(run).verdict == Verdict.STUCK


def end(run: Run) -> float:
    """Mean loss of the run's last tenth."""
    return diagnose(run).final_loss


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
        "hot-pre": Arm(HOT.replace(model=PRE), "hot, on the pre-LN model"),
        "hot-clip": Arm(HOT.replace(clip_norm=1.0), "hot, with the global norm clipped at 1.0"),
        "hot-tight-clip": Arm(HOT.replace(clip_norm=0.01), "hot, clipped at 0.01, which fires on every step"),
        "hot-cosine": Arm(HOT.replace(decay="cosine"), "hot, decaying to 0 along a cosine, without warmup"),
        "hot-short-warmup": Arm(HOT.replace(warmup_steps=25), "hot, after 25 steps of linear warmup"),
        "hot-warmup": Arm(HOT.replace(warmup_steps=150), "hot, after 150 steps of linear warmup, then constant"),
        "hot-radam": Arm(HOT.replace(optimizer="radam"), "hot, with RAdam in the place of Adam"),
    },
    expectations=(
        Expectation(
            "At constant 1e-3 nothing blows up in 1000 steps, post-LN or pre-LN: no NaN, no rise of 1 nat.",
            lambda runs: tame(runs["textbook"]) and tame(runs["textbook-pre"]),
        ),
        Expectation(
            "At constant 1e-3 both models train.",
            lambda runs: diagnose(runs["textbook"]).learned and diagnose(runs["textbook-pre"]).learned,
        ),
        Expectation(
            "At constant 1e-2 the post-LN model is stuck at the unigram plateau, without a NaN.",
            lambda runs: stuck(runs["hot"]),
            share=0.8,
        ),
        Expectation("At the same constant 1e-2 the pre-LN model trains.", lambda runs: diagnose(runs["hot-pre"]).learned),
        Expectation("Clipping at 1.0 leaves it stuck.", lambda runs: stuck(runs["hot-clip"]), share=0.7),
        Expectation("Clipping at 0.01 leaves it stuck.", lambda runs: stuck(runs["hot-tight-clip"]), share=0.7),
        Expectation("Cosine decay without warmup leaves it stuck.", lambda runs: stuck(runs["hot-cosine"]), share=0.7),
        Expectation("25 steps of warmup leave it stuck.", lambda runs: stuck(runs["hot-short-warmup"]), share=0.7),
        Expectation("150 steps of warmup to the same peak train it.", lambda runs: diagnose(runs["hot-warmup"]).learned),
        Expectation("RAdam trains it without any warmup.", lambda runs: diagnose(runs["hot-radam"]).learned),
        Expectation(
            "The warmed-up run ends below the clipped and the decayed one of the same seed.",
            lambda runs: end(runs["hot-warmup"]) < min(end(runs["hot-clip"]), end(runs["hot-cosine"])),
        ),
        Expectation("At constant 1e-4 the model crawls.", lambda runs: diagnose(runs["cold"]).verdict == Verdict.CRAWLING),
    ),
    seeds=tuple(range(10)),
    shows=(
        "On a small post-LN Transformer constant 1e-3 trains. Ten times more does not explode either: the loss falls to what byte counts "
        "alone predict and stays there, with finite numbers everywhere. Warmup to the same peak trains it every time, and so do RAdam or moving the "
        "norms (pre-LN); clipping or decay alone free about one run in ten."
    ),
    does_not_show=(
        "Nothing about other sizes: how hot is too hot depends on width, depth, norm placement and batch. It does not show that the "
        "stuck runs would never leave the plateau, only that they had not after 300 steps."
    ),
)
