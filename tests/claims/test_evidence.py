import json
import math
import platform
import re
from dataclasses import FrozenInstanceError, replace

import pytest
import torch

from stabilitylab.claims import evidence
from stabilitylab.experiments.experiment import Measured
from stabilitylab.training import corpus
from stabilitylab.workspace import DATA

SEEDS = [*range(5), *range(1000, 1020)]


@pytest.mark.parametrize(
    "values, unit, said",
    [
        ([2.0, 3.0, 2.5], "nats", "2.5 nats (2 to 3)"),
        ([1.0, 1.0], "", "1"),
        ([1.0, 1.0], "steps", "1 steps"),
        ([4.0, 1.0, 2.0, 3.0], "", "2.5 (1 to 4)"),
        ([-3.0, -20.0, 5.0], "", "-3 (-20 to 5)"),
        ([0.0123456], "", "0.0123"),
        ([0.12349, 0.1234], "", "0.123"),
        ([0.1234, 0.1236], "", "0.123 (0.123 to 0.124)"),
        ([123456.0], "bytes", "1.23e+05 bytes"),
        ([0.00001234, 999.6], "", "500 (1.23e-05 to 1e+03)"),
    ],
)
def test_a_spread_names_the_median_and_the_extremes_in_three_digits(values, unit, said):
    assert evidence.spread(values, unit) == said


@pytest.mark.parametrize("lost", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_counts_as_the_highest(lost):
    assert evidence.spread([1.0, lost]) == "inf (1 to inf)"
    assert evidence.spread([lost, 1.0, 2.0], "nats") == "2 nats (1 to inf)"
    assert evidence.spread([lost]) == "inf"


def test_seeds_are_named_by_the_first_and_the_last():
    assert evidence.seed_range(range(3, 8)) == "3-7"
    assert evidence.seed_range([5]) == "5-5"


def test_evidence_is_kept_with_the_data_one_file_an_experiment():
    assert evidence.path("no-norms") == DATA / "evidence" / "no-norms.json"


def test_recording_says_how_far_it_is_and_writes_when_all_is_there(coins):
    progress = evidence.record("coins", jobs=1)
    seen = [next(progress) for _ in range(2 * len(SEEDS))]
    assert seen == [(done, 2 * len(SEEDS)) for done in range(1, 2 * len(SEEDS) + 1)]
    assert not evidence.path("coins").exists()
    assert next(progress, None) is None
    assert evidence.path("coins").exists()


def test_a_recording_that_is_broken_off_leaves_the_old_record(recorded_coins):
    before = evidence.path("coins").read_bytes()
    progress = evidence.record("coins", jobs=1)
    next(progress)
    progress.close()
    assert evidence.path("coins").read_bytes() == before


def test_a_new_record_takes_the_place_of_the_old_one_at_once(recorded_coins):
    evidence.path("coins").write_text(evidence.path("coins").read_text().replace('"torch"', '"PyTorch"'))
    evidence.load.cache_clear()
    assert "PyTorch" in evidence.load("coins").made_with
    for _ in evidence.record("coins", jobs=1):
        pass
    assert "torch" in evidence.load("coins").made_with


def test_a_record_says_what_it_was_made_with_and_on_which_seeds(recorded_coins):
    kept = json.loads(evidence.path("coins").read_text())
    assert list(kept) == ["experiment", "made_with", "seeds", "held", "figures", "runs"]
    assert kept["experiment"] == "coins"
    versions = {"python": platform.python_version(), "torch": torch.__version__, "corpus_sha256": corpus.load().sha256}
    assert kept["made_with"] == evidence.load("coins").made_with == versions
    assert kept["seeds"] == {"tolerances": "0-4", "fresh": "1000-1019", "curves": "0-2"}


def test_a_record_has_every_expectation_and_quantity_on_every_seed(recorded_coins):
    kept = evidence.load("coins")
    assert list(kept.held) == ["always", "usually", "at-times"] and list(kept.quantities) == ["heads", "many"]
    for row in (*kept.held.values(), *kept.quantities.values()):
        assert list(row) == SEEDS
    assert [seed for seed, held in kept.held["usually"].items() if not held] == [3, 1000, 1001, 1002]
    assert all(held is True for held in kept.held["always"].values())
    assert kept.quantities["heads"][4] == 4.123 and kept.quantities["heads"][1019] == 19.12


def test_curve_seeds_beyond_the_usual_ones_are_run_and_judged_too(coins, monkeypatch):
    from stabilitylab.experiments import registry

    wider = replace(coins, curve_seeds=range(500, 502))
    monkeypatch.setattr(registry._module("coins"), "EXPERIMENT", wider)
    for _ in evidence.record("coins", jobs=1):
        pass
    kept = evidence.load("coins")
    assert list(kept.held["always"]) == [*range(5), 500, 501, *range(1000, 1020)]
    assert [run.seed for run in kept.runs["thrown"]] == [500, 501]


def test_numbers_are_kept_to_four_digits_and_what_is_not_finite_by_name(recorded_coins):
    lines = evidence.path("coins").read_text().splitlines()
    (many,) = (line for line in lines if line.startswith('"many"'))
    assert many.startswith('"many": {"0": 0.0, "1": "inf", "2": 2.0, "3": 3.0, "4": "nan", "1000": 0.0')
    (usually,) = (line for line in lines if line.startswith('"usually"'))
    assert usually.startswith('"usually": {"0": 1, "1": 1, "2": 1, "3": 0, "4": 1,')
    back = evidence.load("coins").quantities["many"]
    assert back[1] == math.inf and math.isnan(back[4])


def test_a_record_has_one_line_for_each_thing_so_that_git_can_tell_what_changed(recorded_coins):
    text = evidence.path("coins").read_text()
    lines = text.splitlines()
    assert text.endswith("]}\n") and [lines[1], lines[5], lines[6], lines[9], lines[10]] == [
        '"held": {',
        "},",
        '"figures": {',
        "},",
        '"runs": [',
    ]
    assert len(lines) == 1 + 5 + 4 + 1 + 6 + 1
    assert lines[11] == '{"label":"fair","seed":0,"values":{"heads":0.1235,"many":0,"edge":0}},'


def test_the_runs_of_the_curve_seeds_are_kept_with_the_columns_that_the_experiment_wants(recorded_coins):
    runs = evidence.recorded("coins")
    assert {arm: [run.seed for run in of_arm] for arm, of_arm in runs.items()} == {"fair": [0, 1, 2], "thrown": [0, 1, 2]}
    assert runs["fair"][1] == Measured("fair", 1, {"heads": 1.123, "many": math.inf, "edge": 1})
    last = runs["thrown"][1]
    assert last.label == "thrown" and (last.unigram, last.bigram) == (3.0, 2.0)
    assert last.column("step") == [0, 1] and last.column("clipped") == [True, True]
    assert last.column("loss")[0] == 5.543 and math.isnan(last.column("loss")[1])
    assert last.column("grad_norm") == [123500.0, 123500.0]
    assert all(math.isnan(lr) for lr in last.column("lr")), "lr was not asked for"
    kept = json.loads(evidence.path("coins").read_text())["runs"][-1]
    assert list(kept["columns"]) == ["step", "loss", "grad_norm", "clipped"] and kept["columns"]["clipped"] == [1, 1]


def test_a_record_that_was_never_made_says_how_to_make_it(coins):
    for ask in (evidence.load, evidence.recorded):
        with pytest.raises(
            FileNotFoundError, match=re.escape(f"{evidence.path('coins')} does not exist; `stabilitylab record coins`")
        ):
            ask("coins")


def test_a_record_of_an_experiment_that_there_is_not_is_refused_by_name(coins):
    with pytest.raises(ValueError, match="name is 'dice'; the experiments are coins"):
        evidence.load("dice")


def test_a_record_is_read_from_its_file_once_and_cannot_be_changed_by_accident(recorded_coins):
    assert evidence.load("coins") is evidence.load("coins")
    with pytest.raises(FrozenInstanceError):
        evidence.load("coins").held = {}
