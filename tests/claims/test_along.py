"""Claims at several points of an axis: where they hold, where they flip, and what is not tried twice."""

import json
from dataclasses import replace

import pytest

from stabilitylab import experiments
from stabilitylab.claims import along, verdicts
from stabilitylab.cli import main
from stabilitylab.experiments import axes
from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.observables import finite
from stabilitylab.training.config import RunConfig
from stabilitylab.training.model import ModelConfig

SMALL = RunConfig(model=ModelConfig(layers=1, width=16, heads=2, context=8), batch_size=2, steps=4)
NARROW = Experiment(
    name="narrow",
    question="is the model narrow?",
    arms={"plain": Arm(SMALL, "a small run"), "one": Measurement(lambda seed: {"one": 1.0}, "a number")},
    expectations={
        "narrow": Expectation("It is.", lambda r: r["plain"].config["model"]["width"] < 40),
        "finite": Expectation("Its numbers are finite.", lambda r: finite(r["plain"]) and r["one"]["one"] == 1.0),
    },
    control=("plain", "one"),
    shows="",
    does_not_show="",
    quantities={"end": Quantity("the end", lambda r: r["plain"].records[-1].loss)},
)


@pytest.fixture
def narrow(monkeypatch):
    """An experiment whose first expectation fails from width 40 on; how often it was run, in this process."""
    monkeypatch.setattr(experiments, "get", lambda name: NARROW)
    monkeypatch.setattr(experiments, "names", lambda: ("narrow",))
    ran = []
    run = Experiment.run
    monkeypatch.setattr(Experiment, "run", lambda self, arm, seed: ran.append((arm, seed)) or run(self, arm, seed))
    return ran


def claim(**said):
    evidence = {"narrow": ["narrow", "finite"]}
    return verdicts.Claim("X1", "Models are narrow.", "post", "holds", "", evidence, {}, "00", along=said)


def tried(**said):
    return along.along([claim(**said)], "width", [7, 8], points=(16, 32, 64), jobs=1)


def test_a_claim_is_judged_at_every_point_on_every_seed(narrow):
    found = tried()
    assert {point: judgement.held for point, judgement in found.judgements["X1"].items()} == {
        16: {7: True, 8: True},
        32: {7: True, 8: True},
        64: {7: False, 8: False},
    }
    assert found.judgements["X1"][64].failed == {"narrow/narrow": [7, 8]}


def test_what_was_tried_is_not_tried_again_and_a_killed_command_goes_on(narrow):
    steps = []
    along.along([claim()], "width", [7], points=(16,), jobs=1)
    assert len(narrow) == 2
    found = along.along([claim()], "width", [7, 8], points=(16, 64), jobs=1, progress=lambda *done: steps.append(done))
    assert len(narrow) == 8 and steps == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert found.judgements["X1"][16].ok and not found.judgements["X1"][64].ok


def test_an_experiment_that_has_changed_is_tried_again(narrow, monkeypatch):
    along.along([claim()], "width", [7], points=(16,), jobs=1)
    changed = Experiment(**{**vars(NARROW), "arms": {**NARROW.arms, "plain": Arm(SMALL.replace(lr=0.5), "hotter")}})
    monkeypatch.setattr(experiments, "get", lambda name: changed)
    along.along([claim()], "width", [7], points=(16,), jobs=1)
    assert len(narrow) == 4


@pytest.mark.parametrize(
    "said, right",
    [
        ({16: "holds", 32: "holds", 64: "fails"}, True),
        ({16: "holds", 64: "mixed"}, True),
        ({64: "holds"}, False),
        ({16: "fails"}, False),
        ({64: "mixed"}, None),
        ({256: "fails", 16: "holds"}, True),  # a point that was not tried says nothing
    ],
)
def test_the_ledger_is_held_against_what_was_seen(narrow, said, right):
    assert along.as_said(claim(width=said), tried()) is right


@pytest.mark.parametrize("said, status", [({16: "holds", 64: "fails"}, 0), ({64: "holds"}, 1)])
def test_the_command_shows_every_point_and_fails_where_the_ledger_is_wrong(narrow, monkeypatch, tmp_path, capsys, said, status):
    monkeypatch.setattr(verdicts, "load", lambda: [claim(width=said)])
    monkeypatch.setattr(axes, "AXES", {"width": replace(axes.AXES["width"], points=(16, 64))})
    out = tmp_path / "out.json"
    assert main(["claims", "--along", "width", "--seeds", "7-8", "--jobs", "1", "--json", str(out)]) == status
    printed = capsys.readouterr().out
    assert "2/2" in printed and "0/2" in printed
    assert ("X1 does not hold and fail along width where the ledger says." in printed) == bool(status)
    assert json.loads(out.read_text())["held"]["X1"]["64"] == {"7": False, "8": False}


def test_an_axis_along_which_nothing_was_tried_wants_claims_by_name(narrow, monkeypatch, capsys):
    monkeypatch.setattr(verdicts, "load", lambda: [claim()])
    assert main(["claims", "--along", "depth"]) == 2
    assert "no claim of the ledger was tried along it; name some, such as --only B1" in capsys.readouterr().err


def test_where_a_claim_holds_is_said_in_words(narrow):
    said = {16: "holds", 32: "holds", 64: "holds", 128: "mixed", 256: "fails"}
    assert along.in_words(claim(width=said), "width") == "holds at 16, 32 and 64; mixed at 128; fails at 256"


def test_a_word_that_is_none_and_an_axis_that_is_none_are_refused(narrow):
    with pytest.raises(ValueError, match="along width is 'perhaps' at 16; it must be 'holds', 'fails' or 'mixed'"):
        claim(width={16: "perhaps"})
    with pytest.raises(ValueError, match="axis is 'colour'; choose one of width, depth"):
        claim(colour={16: "holds"})


@pytest.mark.parametrize(
    "axis, point, changed",
    [
        ("width", 64, {"width": 64, "heads": 8}),
        ("depth", 3, {"layers": 3}),
        ("batch", 64, {"batch_size": 8}),
        ("length", 2, {"steps": 8}),
        ("rate", 0.5, {"lr": 0.5e-3}),
    ],
)
def test_a_point_changes_one_thing(axis, point, changed):
    config = NARROW.at(axis, point).arms["plain"].config
    model = SMALL.model.__class__(**{**vars(SMALL.model), **{k: v for k, v in changed.items() if k in vars(SMALL.model)}})
    assert config == SMALL.replace(model=model, **{k: v for k, v in changed.items() if k not in vars(SMALL.model)})
    assert NARROW.at(axis, point).arms["one"] is NARROW.arms["one"]


def test_what_rests_on_no_training_run_has_no_axis(narrow, monkeypatch):
    only = Experiment(**{**vars(NARROW), "arms": {"one": NARROW.arms["one"]}})
    monkeypatch.setattr(experiments, "get", lambda name: only)
    with pytest.raises(ValueError, match="claim is X1, which rests on no training run that could be changed along width"):
        tried()


def test_every_axis_goes_from_small_to_large_and_has_three_points():
    assert all(list(a.points) == sorted(a.points) and len(a.points) >= 3 for a in axes.AXES.values())
