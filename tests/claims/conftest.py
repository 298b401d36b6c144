"""A made-up experiment that costs nothing, recorded and judged like a real one."""

import math
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from stabilitylab.claims import evidence
from stabilitylab.experiments import registry
from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.training.config import RunConfig
from stabilitylab.training.telemetry import Run, StepRecord

FAILS_ON = {3, 1000, 1001, 1002}
"""The seeds on which `usually` does not hold: one of the five default seeds, three of the twenty fresh ones."""


def toss(seed):
    low = seed % 1000
    return {"heads": low + 0.123456, "many": math.inf if low == 1 else math.nan if low == 4 else low, "edge": low % 2 == 1}


@dataclass(frozen=True)
class Ready:
    """An arm whose run is there at once: two steps, of which the second diverges on seed 1."""

    about: str

    def result(self, label, seed):
        def step(number, loss):
            return StepRecord(number, loss, 0.1, 123456.7, 1.0, True, 0.01, 2.0, 0.0, 0.0, 1.0, False, 64 * (number + 1), 0.5)

        records = [step(0, 5.54321), step(1, math.nan if seed == 1 else 4.0)]
        return Run(label, RunConfig(seed=seed).to_dict(), records, 3.0, 2.0)


COINS = Experiment(
    name="coins",
    question="do coins fall on heads?",
    arms={"fair": Measurement(toss, "a coin – tossed"), "thrown": Ready("a run that is there at once")},
    expectations={
        "always": Expectation("A coin falls.", lambda r: True),
        "usually": Expectation("It does not stand on its edge.", lambda r: r["fair"].seed not in FAILS_ON, share=0.9),
        "at-times": Expectation("It shows heads.", lambda r: r["fair"].seed % 2 == 0, share=0.5),
    },
    control=("fair", "thrown"),
    shows="Coins fall.",
    does_not_show="Why.",
    quantities={
        "heads": Quantity("how many heads", lambda r: r["fair"]["heads"], "coins"),
        "many": Quantity("how many at most", lambda r: r["fair"]["many"]),
    },
    curve_seeds=range(3),
    columns=("step", "loss", "grad_norm", "clipped"),
)


@pytest.fixture
def coins(monkeypatch, tmp_path):
    """`coins` is the only experiment there is, and its evidence is kept in a folder of this test."""
    module = SimpleNamespace(EXPERIMENT=COINS, __doc__="\nTosses coins (claim Z1).\n")
    files = {"coins": Path("games_of_chance/coins.py")}

    def only(name):
        if name not in files:
            raise ValueError(f"name is {name!r}; the experiments are coins")
        return module

    monkeypatch.setattr(registry, "_files", lambda: files)
    monkeypatch.setattr(registry, "_module", only)
    monkeypatch.setattr(evidence, "FOLDER", tmp_path / "evidence")
    evidence.load.cache_clear()
    yield COINS
    evidence.load.cache_clear()


@pytest.fixture
def recorded_coins(coins):
    """The same, with its evidence recorded."""
    for _ in evidence.record("coins", jobs=1):
        pass
    return coins
