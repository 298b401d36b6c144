import dataclasses
from itertools import islice

import pytest

from stabilitylab import experiments
from stabilitylab.claims import evidence
from stabilitylab.experiments import DEFAULT_SEEDS, FRESH_SEEDS, running
from stabilitylab.experiments.experiment import Arm, enough
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import load
from stabilitylab.training.diagnosis import Verdict, diagnose

NAMES = experiments.names()
QUICK = ("clipping-facts", "firing-rate", "flush-by-layer", "fp16-limits", "init-depth", "schedule-facts")
"""Experiments that run in a second or two."""


@pytest.mark.parametrize("name", NAMES)
def test_recorded_evidence_supports_what_the_experiment_states(name):
    """On the seeds that set the tolerances and on the fresh ones."""
    held = evidence.load(name).held
    for key, expectation in experiments.get(name).expectations.items():
        for seeds in (DEFAULT_SEEDS, FRESH_SEEDS):
            count = sum(held[key][seed] for seed in seeds)
            assert enough(count, len(seeds), expectation.share), f"{key}: {count} of {len(seeds)} on {seeds}"


@pytest.mark.parametrize("name", NAMES)
def test_the_record_is_of_the_experiment_as_it_is_now(name):
    experiment, kept = experiments.get(name), evidence.load(name)
    assert list(kept.runs) == list(experiment.arms)
    assert set(kept.held) == set(experiment.expectations) and set(kept.quantities) == set(experiment.quantities)
    for key, arm in experiment.arms.items():
        assert [result.seed for result in kept.runs[key]] == list(experiment.curve_seeds)
        if isinstance(arm, Arm):
            assert [RunConfig.from_dict(run.config) for run in kept.runs[key]] == [
                arm.config.replace(seed=seed) for seed in experiment.curve_seeds
            ]


@pytest.mark.parametrize("name", NAMES)
def test_an_experiment_says_what_it_shows_and_what_it_does_not(name):
    experiment = experiments.get(name)
    assert experiment.shows and experiment.does_not_show and experiments.account(name)
    assert experiment.quantities and all(arm.about for arm in experiment.arms.values())
    assert set(experiment.control) <= set(experiment.arms)


@pytest.mark.parametrize("name, arm", [("no-norms", "gentle"), ("constant-lr", "textbook")])
def test_running_an_arm_again_reproduces_its_record(name, arm):
    kept = evidence.load(name)
    assert kept.made_with["corpus_sha256"] == load().sha256
    again = [record.loss for record in islice(experiments.get(name).trainer(arm, seed=1).steps(), 20)]
    assert again == pytest.approx(kept.runs[arm][1].column("loss")[:20], rel=0.01)


@pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in NAMES])
def test_the_check_fails_when_the_cure_is_taken_out(name):
    """The negative control: give the cured arm the result of the sick one, and an expectation that held must fail."""
    experiment = experiments.get(name)
    cured, sick = experiment.control
    results = list(running.results(name, [7], jobs=1 if name in QUICK else None))
    by_arm = {result.label: result for result in results}
    swapped = [dataclasses.replace(by_arm[sick], label=cured) if result.label == cured else result for result in results]
    before, after = experiment.check(results), experiment.check(swapped)
    assert any(b.count > a.count for b, a in zip(before, after))


@pytest.mark.slow
def test_the_headline_holds_on_fresh_seeds():
    """The explosion, its failed cure and its cure, on seeds that nothing was tuned on."""
    runs = {arm: list(running.results("no-norms", range(900, 905), [arm])) for arm in ("constant", "clip", "warmup")}
    for arm in ("constant", "clip"):
        assert all(diagnose(run).exploded_at <= 3 for run in runs[arm])
        assert all(diagnose(run).verdict in (Verdict.DIVERGED, Verdict.NONFINITE) for run in runs[arm])
    saved = [run for run in runs["warmup"] if diagnose(run).learned]
    assert len(saved) >= 4


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="the experiments are"):
        experiments.get("constant")
    with pytest.raises(ValueError, match="has textbook"):
        experiments.get("constant-lr").run("cool", 0)


def test_a_measurement_is_not_offered_as_a_training_run():
    experiment = next(e for e in experiments.all_experiments().values() if not any(isinstance(a, Arm) for a in e.arms.values()))
    with pytest.raises(ValueError, match="which is a measurement and not a training run"):
        experiment.trainer(next(iter(experiment.arms)), 0)
