import math
from dataclasses import FrozenInstanceError, replace

import pytest

from stabilitylab.figures import plots
from stabilitylab.training.diagnosis import UNIFORM, Verdict, diagnose, find_spikes, level, recent_drop
from stabilitylab.training.telemetry import Run, StepRecord

UNIGRAM = 3.26
EMPTY = StepRecord(0, 0.0, 0.1, 1.0, 1.0, False, 0.01, 1.0, 0.0, 0.0, 1.0, False, 64, 0.1)


def run(losses, **changes):
    records = [replace(EMPTY, step=step, loss=loss) for step, loss in enumerate(losses)]
    for step, fields in changes.get("at", {}).items():
        records[step] = replace(records[step], **fields)
    return Run("made up", {"seed": 0}, records, changes.get("unigram", UNIGRAM), 2.47)


def fall(start, end, steps, speed=20.0):
    return [end + (start - end) * math.exp(-step / speed) for step in range(steps)]


def with_spike(losses, at, height, width=3):
    return [loss + height if at <= step < at + width else loss for step, loss in enumerate(losses)]


TRAINED = fall(5.6, 2.6, 200)


@pytest.mark.parametrize(
    "losses, verdict",
    [
        (TRAINED, Verdict.TRAINED),
        (fall(5.6, 3.25, 200), Verdict.STUCK),
        (fall(5.6, 3.45, 200), Verdict.STUCK),
        (fall(5.6, 2.0, 200, speed=300), Verdict.CRAWLING),
        (fall(5.6, 4.5, 200), Verdict.CRAWLING),
        (with_spike(TRAINED, 100, 3.0), Verdict.RECOVERED),
        (TRAINED[:100] + [5.0] * 3 + [3.9] * 97, Verdict.DAMAGED),
        (fall(5.6, 3.0, 50) + [9.0 + step for step in range(100)], Verdict.DIVERGED),
        ([9.0, 62.0, 500.0] + [1e4] * 60, Verdict.DIVERGED),
        (fall(9.0, 6.5, 100), Verdict.CRAWLING),  # above a uniform guess, but on its way down
        ([5.6, 5.5, math.nan], Verdict.NONFINITE),
        (TRAINED[:19], Verdict.TOO_SHORT),
    ],
)
def test_every_verdict(losses, verdict):
    assert diagnose(run(losses)).verdict == verdict


def test_passing_through_the_plateau_is_not_being_stuck_on_it():
    falling = [5.6 - 2.4 * step / 199 for step in range(200)]  # ends at 3.2, still falling
    assert abs(falling[-1] - UNIGRAM) < 0.1
    assert diagnose(run(falling)).verdict != Verdict.STUCK


def test_an_applied_nonfinite_gradient_counts_and_a_skipped_one_does_not():
    applied = run(TRAINED, at={50: {"nonfinite_fraction": 0.1}})
    assert diagnose(applied).verdict == Verdict.NONFINITE and diagnose(applied).nonfinite_at == 50
    skipped = run(TRAINED, at={50: {"nonfinite_fraction": 0.1, "skipped": True}})
    assert diagnose(skipped).verdict == Verdict.TRAINED


def test_the_explosion_is_dated_by_ten_times_the_first_loss():
    assert diagnose(run([9.0, 62.0, 500.0] + [1e4] * 60)).exploded_at == 2
    assert diagnose(run(TRAINED)).exploded_at is None


def test_a_spike_is_named_once_at_its_first_step():
    assert find_spikes(with_spike(TRAINED, 100, 2.0, width=10)) == (100,)
    assert find_spikes(with_spike(with_spike(TRAINED, 60, 2.0), 120, 1.5)) == (60, 120)
    assert find_spikes([loss + 0.3 * (-1) ** step for step, loss in enumerate(TRAINED)]) == ()


def test_the_reason_gives_the_numbers_and_an_empty_run_is_refused():
    assert "3.25" in diagnose(run(fall(5.6, 3.25, 200))).reason
    with pytest.raises(ValueError, match="no steps"):
        diagnose(run([]))


def test_a_run_that_goes_on_from_a_checkpoint_names_its_spike_by_step():
    later = run(with_spike(TRAINED, 100, 3.0))
    later = replace(later, records=[replace(record, step=record.step + 40) for record in later.records])
    assert diagnose(later).spikes == (140,)
    assert plots.panels({"later": [later]}).alt


FLAT = [2.0] * 30
"""A run whose every median and level is 2 nats."""


def test_the_uniform_guess_is_ln_256():
    assert round(UNIFORM, 3) == 5.545


def test_the_end_is_the_last_tenth_and_at_least_five_steps():
    assert diagnose(run([9.0] * 190 + [1.0] * 10 + [3.0] * 10)).final_loss == pytest.approx(49 / 21)  # 21 of 210
    assert diagnose(run([9.0] * 26 + [1.0, 2.0, 3.0, 4.0])).final_loss == pytest.approx(19 / 5)  # 5 of 30
    assert diagnose(run([4.0, 2.0])).final_loss == 3.0
    assert math.isnan(diagnose(run([*FLAT, math.inf])).final_loss)


def test_twenty_steps_are_enough_for_a_verdict():
    assert diagnose(run(FLAT[:19])).verdict == Verdict.TOO_SHORT
    assert diagnose(run(FLAT[:20])).verdict == Verdict.TRAINED
    assert diagnose(run(FLAT[:19])).reason == "The run has 19 steps; a verdict needs at least 20."


@pytest.mark.parametrize(
    "start, end, verdict",
    [
        (5.0, UNIFORM, Verdict.CRAWLING),  # as high as the higher of the two is not above both
        (5.0, UNIFORM + 0.01, Verdict.DIVERGED),
        (6.0, 6.0, Verdict.CRAWLING),
        (6.0, 6.01, Verdict.DIVERGED),
        (6.0, 5.9, Verdict.CRAWLING),
    ],
)
def test_diverged_is_above_the_start_and_above_a_uniform_guess(start, end, verdict):
    assert diagnose(run([start] + [end] * 30)).verdict == verdict


@pytest.mark.parametrize(
    "losses, verdict",
    [
        (FLAT + [4.0] + [2.2] * 9, Verdict.RECOVERED),  # 0.2 nat above is not more than 0.2 nat above
        (FLAT + [4.0] + [2.21] * 9, Verdict.DAMAGED),
        (FLAT + [3.0] + [2.21] * 9, Verdict.TRAINED),  # no spike, no damage: a rise by 1 nat is not more than 1 nat
        (FLAT + [3.01] + [2.21] * 9, Verdict.DAMAGED),
        ([3.0] * 20 + [2.0] * 10 + [5.0] + [2.25] * 9, Verdict.DAMAGED),  # the level is that of 10 steps, not of 11
        ([2.0] * 20 + [1.0] + [2.0] * 9 + [4.0] + [2.15] * 9, Verdict.DAMAGED),  # nor of 9
        ([2.5, 2.0, 2.0, 2.0, 4.0] + [2.25] * 25, Verdict.RECOVERED),  # fewer than 10 steps: all there are
        (FLAT + [4.0] + [2.3] * 20 + [5.0] + [2.3] * 9, Verdict.DAMAGED),  # judged at the first spike, not at the last
    ],
)
def test_damage_is_told_by_the_level_of_the_ten_steps_before_the_first_spike(losses, verdict):
    assert diagnose(run(losses)).verdict == verdict


def test_the_reason_of_damage_names_both_levels_and_the_first_spike():
    told = diagnose(run(FLAT + [4.0] + [2.3] * 20 + [5.0] + [2.3] * 9))
    assert told.spikes == (30, 51)
    assert told.reason == "It ends at 2.30 nats, above the 2.00 it had reached before the spike at step 30."
    told = diagnose(run(FLAT + [4.0] + [2.1] * 20 + [5.0] + [2.1] * 9))
    assert told.verdict == Verdict.RECOVERED and "spiked at step 30 and still ends at 2.10 nats" in told.reason


@pytest.mark.parametrize(
    "end, unigram, verdict",
    [
        (0.0, 0.1, Verdict.STUCK),  # exactly 0.1 nat below
        (0.0, 0.11, Verdict.TRAINED),
        (3.49, 3.0, Verdict.STUCK),
        (3.5, 3.0, Verdict.CRAWLING),  # exactly 0.5 nat above
        (3.0, 3.0, Verdict.STUCK),
    ],
)
def test_stuck_is_between_a_tenth_below_the_unigram_entropy_and_half_a_nat_above(end, unigram, verdict):
    assert diagnose(run([end] * 40, unigram=unigram)).verdict == verdict


@pytest.mark.parametrize("drop, verdict", [(0.09, Verdict.STUCK), (0.1, Verdict.TRAINED)])
def test_stuck_no_longer_falls_by_a_tenth_of_a_nat_a_quarter(drop, verdict):
    assert diagnose(run([drop] * 30 + [0.0] * 10, unigram=0.0)).verdict == verdict


def test_between_crawling_and_trained_lies_the_unigram_entropy():
    falling = [5.0 - 0.05 * step for step in range(40)]
    end = diagnose(run(falling)).final_loss
    assert diagnose(run(falling, unigram=end)).verdict == Verdict.TRAINED
    assert diagnose(run(falling, unigram=end - 0.01)).verdict == Verdict.CRAWLING
    assert diagnose(run(falling, unigram=end + 0.01)).verdict == Verdict.TRAINED


def test_the_recent_drop_compares_the_medians_of_the_last_two_quarters():
    assert recent_drop([9, 9, 9, 9, 4, 6, 1, 2]) == 3.5
    assert recent_drop([8, 4, 2, 1]) == 1
    assert recent_drop([5, 3, 2]) == 1
    assert recent_drop([9] * 6 + [4, 4, 90] + [1, 90, 1]) == 3  # a spike moves neither


def test_a_level_is_a_mean_and_unknown_if_a_loss_is():
    assert level([1.0, 2.0, 6.0]) == 3.0
    assert math.isnan(level([1.0, math.inf])) and math.isnan(level([math.nan, 1.0]))


@pytest.mark.parametrize(
    "losses, spikes",
    [
        ([2.0] * 20 + [3.0], ()),  # 1 nat above is not more than 1 nat above
        ([2.0] * 20 + [3.01], (20,)),
        ([2.0, 5.0, 2.0], (1,)),
        ([5.0, 2.0, 2.0], ()),
        # a median of 20 steps: ten of 4 and ten of 2; of 21 it would be 4, of 19 it would be 2
        ([4.0] * 11 + [2.0] * 10 + [4.5], (21,)),
        ([4.0] * 10 + [2.0] * 10 + [3.5], ()),
        ([2.0] * 20 + [4.0, 3.01, 4.0], (20,)),  # it lasts until the loss is back within 1 nat
        ([2.0] * 20 + [4.0, 3.0, 4.0], (20, 22)),
        ([2.0] * 20 + [4.0] * 30, (20,)),  # the median from before it is the one that counts
        ([2.0] * 20 + [4.0, math.nan, 4.0], (20,)),  # a loss that is no number ends nothing
        ([2.0] * 20 + [math.inf, 4.0, 2.0], (20,)),
    ],
)
def test_a_spike_rises_by_more_than_a_nat_over_the_median_of_twenty_steps(losses, spikes):
    assert find_spikes(losses) == spikes


def test_the_explosion_is_dated_to_the_step():
    assert diagnose(run([1.0, 9.99, 10.0, 11.0])).exploded_at == 2
    assert diagnose(run([1.0, 9.99])).exploded_at is None


def test_the_first_broken_step_is_named_with_what_broke():
    gradient = diagnose(run(TRAINED, at={50: {"nonfinite_fraction": 0.1}, 60: {"nonfinite_fraction": 0.1}}))
    assert gradient.reason == "A gradient was inf or NaN at step 50."
    assert [gradient.nonfinite_by(step) for step in (49, 50, 51)] == [False, True, True]
    loss = diagnose(run([*TRAINED[:10], math.inf, math.nan]))
    assert loss.reason == "The loss was inf or NaN at step 10." and loss.nonfinite_at == 10
    whole = diagnose(run(TRAINED))
    assert whole.nonfinite_at is None and not whole.nonfinite_by(10**6)


def test_a_run_learned_if_it_ended_below_the_unigram_entropy():
    runs = (
        TRAINED,
        with_spike(TRAINED, 100, 3.0),
        FLAT + [4.0] + [2.3] * 9,
        fall(5.6, 3.25, 200),
        fall(5.6, 4.5, 200),
        [math.nan],
    )
    assert {told.verdict: told.learned for told in map(diagnose, map(run, runs))} == {
        Verdict.TRAINED: True, Verdict.RECOVERED: True, Verdict.DAMAGED: False, Verdict.STUCK: False, Verdict.CRAWLING: False,
        Verdict.NONFINITE: False,
    }  # fmt: skip


def test_a_diagnosis_stands():
    with pytest.raises(FrozenInstanceError):
        diagnose(run(TRAINED)).verdict = Verdict.STUCK
