"""What is special in the probes of a1, a2 and a3: what else a function changes, sweeps that keep the text's promise, and training
steps that a partner follows."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from autograder.reference import a2_schedules as schedules
from autograder.reference import a3_loss_scaling as scaling
from stabilitylab.exercises import a2_schedules, agree, in_one_process, questions
from stabilitylab.exercises.a1_clipping import draws
from tests.mutants import EQUIVALENT, mutants_of

REFERENCES = Path(schedules.__file__).parent


def failed(train_step) -> set[str]:
    """The probes of train_step that a function fails."""
    question = questions("a3_loss_scaling")["train_step"]

    def answers(function):
        return {probe.name: in_one_process(question, probe, function, seed=3) for probe in question.probes}

    given, right = answers(train_step), answers(scaling.train_step)
    return {probe.name for probe in question.probes if not agree(given[probe.name], right[probe.name], probe)}


@pytest.mark.parametrize(
    "function",
    [lambda: torch.manual_seed(0), lambda: torch.rand(2), lambda: random.seed(1), lambda: np.random.random(), np.random.seed],
)
def test_a_function_that_touches_the_random_state_is_noticed_and_the_state_put_back(function):
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    assert draws(function)[1]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (random.getstate(), np.random.get_state()[1].tolist()) == before[1:]


def test_a_function_that_leaves_the_random_state_alone_is_not_accused():
    assert draws(lambda x, y: x + y, 2, 3) == (5, False)


def test_every_sweep_has_eleven_steps_before_its_trouble():
    def read(losses, lrs):
        found = schedules.lr_range_test(losses, lrs)
        assert found["diverged"] is None or lrs.index(found["diverged"]) >= 11
        assert len(losses) == len(lrs) >= 11
        return found

    for probe in questions("a2_schedules")["lr_range_test"].probes:
        for seed in range(40):
            probe.ask(read, random.Random(seed))


def test_short_sweeps_are_steepest_at_the_first_and_at_the_last_step_that_counts():
    ends = []

    def read(losses, lrs):
        found = schedules.lr_range_test(losses, lrs)
        if len(lrs) < a2_schedules.SWEEP:
            ends.append((lrs.index(found["steepest"]), len(lrs) - 1 - lrs.index(found["steepest"])))
        return found

    for seed in range(20):
        ends.clear()
        a2_schedules.finds_the_steepest_fall(read, random.Random(seed))
        first, last, only = ends
        assert first[0] == last[1] == 5 and only == (5, 5)


def test_a_step_that_moves_nothing_and_tells_the_right_tale_fails():
    def tells(loss, parameters, optimizer, scaler, max_norm):
        scaler.scale(loss)
        scaler._tell(["backward"])
        found_inf = scaler.unscale_([])
        if not found_inf:
            optimizer._tell(["step"])
        scaler.update(found_inf)
        return not found_inf

    assert {"keeps_the_order", "updates_the_weights", "leaves_the_weights_alone_at_inf"} <= failed(tells)


def test_a_step_that_reads_verdicts_ahead_is_found_out():
    def reads_ahead(loss, parameters, optimizer, scaler, max_norm):
        if not hasattr(scaler, "known"):
            scaler.known = []
            for _ in range(2):
                scaler._tell(["begin"])
                scaler.known.append(scaler._tell(["unscale_"])[1])
        return scaling.train_step(loss, parameters, optimizer, scaler, max_norm)

    assert "keeps_the_order" in failed(reads_ahead)


def test_the_partner_of_a_step_answers_only_what_makes_sense():
    (probe, *_) = questions("a3_loss_scaling")["train_step"].probes
    partner = probe.partner(random.Random(1), random.Random(2))
    for message in (["unscale_"], ["verdicts"], [], None, "begin", {"begin": 1}, [["begin"]]):
        with pytest.raises(ValueError, match="nobody asked"):
            partner.reply(message)


def test_the_learners_process_cannot_work_out_the_verdicts():
    (probe, *_) = questions("a3_loss_scaling")["train_step"].probes

    def verdicts(secret):
        partner = probe.partner(random.Random(1), random.Random(secret))
        for _ in range(16):
            partner.reply(["begin"])
            yield partner.reply(["unscale_"])[1]

    assert list(verdicts(2)) != list(verdicts(3))


def test_a_change_to_a_line_that_stands_twice_has_a_name_of_its_own(tmp_path):
    path = tmp_path / "twice.py"
    path.write_text("def f(x):\n    if x:\n        return 1\n    return 1\n")
    names = mutants_of(path)
    assert {"f: return 1 -> return 2", "f: return 1 -> return 2 (2)", "f: if x: -> if not x:"} <= names.keys()
    assert len(set(names.values())) == len(names)


@pytest.mark.slow
@pytest.mark.parametrize("listed", sorted(EQUIVALENT.glob("*.yaml")), ids=lambda path: path.stem)
def test_changes_listed_as_no_mistake_are_changes_to_the_reference(listed):
    named = [change for changes in yaml.safe_load(listed.read_text()).values() for change in changes]
    assert set(named) <= mutants_of(REFERENCES / f"{listed.stem}.py").keys()
