import dataclasses

import pytest

from stabilitylab import experiments
from stabilitylab.corpus import load
from stabilitylab.diagnosis import Verdict, diagnose
from stabilitylab.training import RunConfig

NAMES = ("constant-lr", "no-norms", "fp16-weights")


@pytest.mark.parametrize("name", NAMES)
def test_recorded_evidence_supports_what_the_experiment_states(name):
    runs = [run for group in experiments.recorded(name).values() for run in group]
    outcomes = experiments.get(name).check(runs)
    assert all(outcome.ok for outcome in outcomes), [(o.count, o.expectation.states) for o in outcomes if not o.ok]
    assert {outcome.total for outcome in outcomes} == {len(experiments.get(name).seeds)}


@pytest.mark.parametrize("name", NAMES)
def test_recorded_runs_are_those_of_the_arms_as_they_are_now(name):
    experiment = experiments.get(name)
    for arm, runs in experiments.recorded(name).items():
        assert [RunConfig.from_dict(run.config) for run in runs] == [
            experiment.arms[arm].config.replace(seed=seed) for seed in experiment.seeds
        ]


@pytest.mark.parametrize("arm", ["constant", "clip", "fp16"])
def test_running_an_arm_again_reproduces_its_record(arm):
    import json

    kept = json.loads(experiments.evidence_file("no-norms").read_text())
    if kept["made_with"]["corpus_sha256"] != load().sha256:
        pytest.skip("this Python ships another edition of its language reference than the evidence was recorded on")
    again, recorded = experiments.get("no-norms").run(arm, seed=1), experiments.recorded("no-norms")[arm][1]
    assert diagnose(again).verdict == diagnose(recorded).verdict
    assert again.column("loss")[:2] == pytest.approx(recorded.column("loss")[:2], rel=1e-3)


def test_the_headline_holds_on_fresh_seeds():
    """The explosion, its failed cure and its cure, on seeds that nothing was tuned on."""
    experiment = experiments.get("no-norms")
    seeds = range(900, 905)
    runs = {arm: [run for run in experiment.runs(seeds, [arm])] for arm in ("constant", "clip", "warmup")}
    for arm in ("constant", "clip"):
        assert all(diagnose(run).exploded_at <= 3 for run in runs[arm])
        assert all(diagnose(run).verdict in (Verdict.DIVERGED, Verdict.NONFINITE) for run in runs[arm])
    saved = [run for run in runs["warmup"] if diagnose(run).verdict in (Verdict.TRAINED, Verdict.RECOVERED)]
    assert len(saved) >= 4


def test_the_stall_holds_on_fresh_seeds():
    experiment = experiments.get("constant-lr")
    runs = {arm: list(experiment.runs(range(900, 904), [arm])) for arm in ("hot", "hot-warmup")}
    ends = {arm: [diagnose(run).final_loss for run in group] for arm, group in runs.items()}
    assert not any(record.nonfinite for run in runs["hot"] for record in run.records)
    assert max(ends["hot-warmup"]) < 3.0 and sum(end > 3.1 for end in ends["hot"]) >= 3


@pytest.mark.parametrize(
    "name, cure, disease",
    [("constant-lr", "hot-warmup", "hot"), ("no-norms", "warmup", "constant"), ("fp16-weights", "master", "pure")],
)
def test_the_check_fails_when_the_cure_is_taken_out(name, cure, disease):
    """The negative control: give the cured arm the runs of the sick one, and the experiment must notice."""
    groups = experiments.recorded(name)
    swapped = {arm: [dataclasses.replace(run, label=arm) for run in groups[disease if arm == cure else arm]] for arm in groups}
    outcomes = experiments.get(name).check([run for runs in swapped.values() for run in runs])
    assert any(not outcome.ok for outcome in outcomes)


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="the experiments are"):
        experiments.get("constant")
    with pytest.raises(ValueError, match="has textbook"):
        experiments.get("constant-lr").run("cool", 0)
