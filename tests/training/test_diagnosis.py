import math
import random
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
    return Run("made up", {"seed": 0}, records, changes.get("unigram", UNIGRAM), 2.47, changes.get("vocabulary", 256))


def log(losses, **changes):
    """A run as a log from elsewhere gives it: no reference is known."""
    return run(losses, **{"unigram": math.nan, "vocabulary": None} | changes)


def noisy(losses, size, seed=0):
    chance = random.Random(seed)
    return [loss + chance.gauss(0, size) for loss in losses]


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
        (6.0, 6.0, Verdict.FROZEN),
        (6.0, 6.01, Verdict.DIVERGED),
        (6.0, 5.9, Verdict.CRAWLING),
    ],
)
def test_diverged_is_above_the_start_and_above_a_uniform_guess(start, end, verdict):
    assert diagnose(run([start] + [end] * 30)).verdict == verdict


@pytest.mark.parametrize(
    "losses, verdict",
    [
        (FLAT + [4.0] + [2.19] * 9, Verdict.RECOVERED),  # no more than 0.2 nat above
        (FLAT + [4.0] + [2.21] * 9, Verdict.DAMAGED),
        (FLAT + [3.0] + [2.21] * 9, Verdict.FORGOT),  # no spike, no damage: a rise by 1 nat is not more than 1 nat
        (FLAT + [3.01] + [2.21] * 9, Verdict.DAMAGED),
        ([3.0] * 20 + [2.0] * 10 + [5.0] + [2.25] * 9, Verdict.DAMAGED),  # the level is that of 10 steps, not of 11
        ([2.0] * 20 + [1.0] + [2.0] * 9 + [4.0] + [2.15] * 9, Verdict.DAMAGED),  # nor of 9
        ([2.0, 2.1, 2.1, 2.1, 4.0] + [2.28] * 25, Verdict.DAMAGED),  # fewer than 10 steps: all there are
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
        (0.9, 1.0, Verdict.STUCK),  # exactly 0.1 nat below
        (0.9, 1.01, Verdict.TRAINED),
        (3.49, 3.0, Verdict.STUCK),
        (3.5, 3.0, Verdict.CRAWLING),  # exactly 0.5 nat above
        (3.0, 3.0, Verdict.STUCK),
    ],
)
def test_stuck_is_between_a_tenth_below_the_unigram_entropy_and_half_a_nat_above(end, unigram, verdict):
    assert diagnose(run([5.6] * 5 + [end] * 40, unigram=unigram)).verdict == verdict


@pytest.mark.parametrize("drop, verdict", [(0.09, Verdict.STUCK), (0.1, Verdict.TRAINED)])
def test_stuck_no_longer_falls_by_a_tenth_of_a_nat_a_quarter(drop, verdict):
    assert diagnose(run([1 + drop] * 30 + [1.0] * 10, unigram=1.0)).verdict == verdict


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


# a run that stands still


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_moves_a_run_neither_up_nor_down(seed):
    still = diagnose(run(noisy([5.55] * 60, 0.01, seed)))
    assert still.verdict == Verdict.FROZEN and "where it began" in still.reason
    assert diagnose(run(noisy([5.55] * 60, 0.3, seed))).verdict == Verdict.FROZEN


def test_what_noise_does_not_explain_is_no_standing_still():
    assert diagnose(run(noisy([5.55 + 0.01 * step for step in range(60)], 0.02))).verdict == Verdict.DIVERGED
    assert diagnose(run(noisy([5.55 - 0.01 * step for step in range(60)], 0.02))).verdict == Verdict.CRAWLING
    out_and_back = [5.55 + 0.15 * math.sin(math.pi * step / 199) for step in range(200)]
    assert diagnose(run(noisy(out_and_back, 0.01))).verdict == Verdict.CRAWLING
    there_and_back = [5.55 - 1.5 * math.sin(math.pi * step / 199) for step in range(200)]
    assert diagnose(run(noisy(there_and_back, 0.02))).verdict == Verdict.ROSE


def test_a_trained_model_that_keeps_its_level_is_not_frozen():
    assert diagnose(run(noisy([2.4] * 100, 0.1))).verdict == Verdict.TRAINED
    assert diagnose(log(noisy([2.4] * 100, 0.1))).verdict == Verdict.FROZEN  # from elsewhere: nobody knows that 2.4 is low


def test_updates_of_nothing_are_told_from_small_ones():
    moved = {step: {"update_ratio": 0.0} for step in range(60)}
    none = diagnose(run(noisy([5.55] * 60, 0.01), at=moved))
    assert none.verdict == Verdict.FROZEN and "every update ratio is 0" in none.reason
    assert "update ratio" not in diagnose(run(noisy([5.55] * 60, 0.01), at={**moved, 30: {"update_ratio": 1e-9}})).reason


def test_skipped_updates_and_a_scale_of_0_are_said_as_such():
    flat = noisy([5.55] * 60, 0.01)
    skipped = {"skipped": True, "nonfinite_fraction": 1.0, "loss_scale": 2.0**-900}
    every = diagnose(run(flat, at=dict.fromkeys(range(60), skipped)))
    assert every.verdict == Verdict.SKIPPED and "All 60 updates were skipped" in every.reason and "1.18e-271" in every.reason
    late = diagnose(run(flat, at=dict.fromkeys(range(40, 60), skipped)))
    assert late.verdict == Verdict.SKIPPED and "Every update from step 40 on was skipped" in late.reason
    assert diagnose(run(flat, at=dict.fromkeys(range(40, 59), skipped))).verdict == Verdict.FROZEN
    assert diagnose(run(flat, at=dict.fromkeys(range(56, 60), skipped))).verdict == Verdict.FROZEN
    gone = diagnose(run(flat, at=dict.fromkeys(range(50, 60), skipped | {"loss_scale": 0.0})))
    assert gone.verdict == Verdict.NO_SCALE
    assert "scale is 0 from step 50 on" in gone.reason and "The last 10 of its 60 updates were skipped" in gone.reason


# rises and spikes


def test_a_slow_rise_is_no_training_and_no_spike():
    rising = fall(5.6, 2.4, 200) + [2.4 + 0.003 * step for step in range(200)]
    told = diagnose(run(noisy(rising, 0.1)))
    assert told.verdict == Verdict.ROSE and told.spikes == ()
    assert told.learned and not diagnose(run(noisy(rising, 0.1), unigram=2.5)).learned
    assert told.reason == "It fell to 2.38 nats, then rose by 0.56, and ends at 2.94 nats."
    back = rising + [3.0 - 0.003 * step for step in range(200)]
    assert diagnose(run(noisy(back, 0.1))).verdict == Verdict.TRAINED
    halfway = rising + [3.0 - 0.003 * step for step in range(100)]
    assert diagnose(run(noisy(halfway, 0.1))).verdict == Verdict.ROSE


@pytest.mark.parametrize("lowest, verdict", [(2.6, Verdict.ROSE), (2.9, Verdict.STUCK)])
def test_a_rise_onto_the_plateau_must_be_clear(lowest, verdict):
    climbing = fall(5.6, lowest, 200) + [lowest + (3.25 - lowest) * min(1, step / 100) for step in range(300)]
    assert diagnose(run(climbing)).verdict == verdict


def test_a_second_spike_is_judged_by_the_level_before_it():
    healed = with_spike(fall(5.6, 2.4, 300, speed=50), 60, 3.0, width=5)
    assert diagnose(run(healed)).verdict == Verdict.RECOVERED
    told = diagnose(run(healed[:250] + [6.0] * 3 + [3.2] * 47))
    assert told.verdict == Verdict.DAMAGED and told.spikes == (60, 250)
    assert "above the 2.4" in told.reason and "before the spike at step 250" in told.reason


@pytest.mark.parametrize("seed", range(4))
def test_the_jumps_of_a_batch_of_one_row_are_noise(seed):
    chance = random.Random(seed)
    hard = [2.0 * chance.random() + 0.8 if chance.random() < 0.05 else 0.0 for _ in range(400)]  # a table among the prose
    rough = [loss + more for loss, more in zip(noisy(fall(5.6, 2.8, 400, speed=30), 0.25, seed), hard)]
    assert sum(loss > 3.8 for loss in rough[100:]) >= 3
    assert find_spikes(rough) == () and diagnose(run(rough)).verdict == Verdict.TRAINED
    burst = with_spike(rough, 300, 9.0, width=8)
    assert find_spikes(burst) == (300,)


def test_the_same_jumps_in_a_calm_run_are_spikes():
    calm = noisy(fall(5.6, 2.4, 400, speed=30), 0.05)
    for step in (150, 200, 250, 300):
        calm[step] += 1.8
    assert find_spikes(calm) == (150, 200, 250, 300)


def test_jumps_that_last_are_spikes_in_a_noisy_run_too():
    rough = noisy(fall(5.6, 2.8, 400, speed=30), 0.25)
    for step in (150, 220, 290, 350):
        rough = with_spike(rough, step, 2.5, width=4)
    assert find_spikes(rough) == (150, 220, 290, 350)


def test_jumps_that_leave_the_loss_higher_are_no_noise():
    worse = [loss + (0.8 if step > 250 else 0.0) for step, loss in enumerate(noisy(fall(5.6, 2.4, 400, speed=30), 0.25))]
    for step in range(120, 400, 40):
        worse[step] += 2.5
    assert len(find_spikes(worse)) >= 5 and diagnose(run(worse)).verdict == Verdict.DAMAGED


def test_a_run_that_begins_low_spikes_by_less():
    tuned = noisy([1.2 - 0.002 * step for step in range(200)], 0.06)
    assert find_spikes(with_spike(tuned, 100, 0.8)) == (100,)
    assert find_spikes(with_spike(tuned, 100, 0.4)) == ()


def test_a_calm_run_spikes_by_less_and_heals_all_the_same():
    calm = noisy(fall(5.6, 2.4, 300), 0.03)
    assert find_spikes(with_spike(calm, 200, 0.6)) == (200,)
    assert find_spikes(with_spike(calm, 200, 0.25)) == ()
    assert find_spikes(with_spike(noisy(fall(5.6, 2.4, 300), 0.1), 200, 0.6)) == ()
    assert diagnose(run([*with_spike(calm, 200, 0.6)[:210], *[loss + 0.15 for loss in calm[210:]]])).verdict == Verdict.RECOVERED


def test_noise_is_the_spread_of_one_step_and_no_spike_moves_it():
    rough = noisy(fall(5.6, 2.6, 2000, speed=200), 0.1)
    assert diagnose(run(rough)).noise == pytest.approx(0.1, rel=0.1)
    assert diagnose(run(with_spike(rough, 1000, 4.0, width=300))).noise == pytest.approx(0.1, rel=0.1)


# losses of other kinds


def test_a_loss_of_exactly_0_is_no_training():
    sudden = diagnose(run(fall(5.6, 2.6, 100) + [0.0] * 100))
    assert sudden.verdict == Verdict.ZERO and not sudden.learned
    assert "exactly 0 from step 100 on, one step after a loss of 2.62" in sudden.reason
    assert diagnose(run([14577.98] + [0.0] * 7)).verdict == Verdict.ZERO  # few steps are enough
    assert diagnose(run([*fall(5.6, 2.6, 100), 0.0, *[2.6] * 99])).verdict == Verdict.TRAINED
    assert diagnose(run([*fall(5.6, 2.6, 180), *[2.6, 0.0] * 10])).verdict == Verdict.TRAINED  # half of the end is not more


def test_a_run_that_goes_on_after_a_nan_says_what_it_is_without_it():
    told = diagnose(run([*TRAINED[:120], math.nan, *TRAINED[121:]]))
    assert told.verdict == Verdict.NONFINITE and told.otherwise.verdict == Verdict.TRAINED
    assert diagnose(run([*TRAINED[:120], *[math.nan] * 80])).otherwise is None


@pytest.mark.parametrize("reference", [{"unigram": UNIGRAM}, {"vocabulary": 50257}, {}])
def test_fine_tuning_that_forgets_ends_worse_than_its_start(reference):
    forgets = noisy([1.2 + 0.9 * min(1, step / 150) for step in range(200)], 0.05)
    told = diagnose(log(forgets, **reference))
    assert told.verdict == Verdict.FORGOT and not told.learned
    assert told.reason == "It ends at 2.08 nats, above the 1.19 it began with."
    assert diagnose(log(noisy([1.2] * 200, 0.05), **reference)).verdict != Verdict.FORGOT


def test_fine_tuning_that_first_falls_names_its_lowest_level():
    forgets = [1.2 - 0.6 * math.sin(math.pi * step / 150) for step in range(250)]
    told = diagnose(log(noisy(forgets, 0.05)))
    assert told.verdict == Verdict.FORGOT and told.reason.endswith("lowest level was 0.58.")


# other vocabularies, and references that are not known

WORDS = 50257


@pytest.mark.parametrize(
    "losses, verdict",
    [
        (fall(10.8, 3.4, 300), Verdict.TRAINED),
        (fall(10.8, 7.5, 300), Verdict.UNJUDGED),
        (fall(10.8, 9.5, 300), Verdict.CRAWLING),
        (fall(10.8, 3.9, 150) + [3.9 + 5.6 * step / 149 for step in range(150)], Verdict.ROSE),
        (fall(10.8, 3.9, 150) + [9.5] * 150, Verdict.DAMAGED),
        (fall(10.8, 3.9, 150) + [11.5] * 150, Verdict.DIVERGED),
        (noisy([10.82] * 100, 0.02), Verdict.FROZEN),
        (with_spike(fall(10.8, 3.4, 300), 200, 2.0), Verdict.RECOVERED),
        (with_spike(fall(10.8, 7.5, 300), 200, 2.0), Verdict.RECOVERED),
    ],
)
@pytest.mark.parametrize("vocabulary", [WORDS, None])
def test_words_are_judged_by_their_own_uniform_guess(losses, verdict, vocabulary):
    told = diagnose(log(losses, vocabulary=vocabulary))
    assert told.verdict == verdict and told.learned == (told.verdict in (Verdict.TRAINED, Verdict.RECOVERED) and losses[-1] < 4)
    assert ["vocabulary" in sentence for sentence in told.unjudged] == ([False] if vocabulary else [True, False])


def test_the_uniform_guess_is_that_of_the_vocabulary():
    letters = fall(4.1, 2.0, 100) + [5.0] * 100
    assert diagnose(log(letters, vocabulary=65)).verdict == Verdict.DIVERGED
    assert diagnose(log(letters, vocabulary=WORDS)).verdict == Verdict.DAMAGED
    assert "uniform guess (4.17)" in diagnose(log(letters, vocabulary=65)).reason


def test_a_first_loss_beyond_every_vocabulary_is_no_uniform_guess():
    assert diagnose(log(fall(25.0, 12.0, 300))).verdict == Verdict.CRAWLING


def test_a_known_unigram_entropy_is_used_with_any_vocabulary():
    told = diagnose(log(fall(10.8, 7.6, 300), vocabulary=WORDS, unigram=7.6))
    assert told.verdict == Verdict.STUCK and "each token" in told.reason and not told.unjudged


def test_the_courses_own_runs_leave_nothing_unjudged():
    assert diagnose(run(TRAINED)).unjudged == ()


def test_a_log_of_few_lines_is_short_and_not_its_run():
    sparse = run(TRAINED[:10])
    sparse = replace(sparse, records=[replace(record, step=500 * record.step) for record in sparse.records])
    assert diagnose(sparse).reason == "The log has 10 losses; a verdict needs at least 20."
