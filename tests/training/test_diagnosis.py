import math
from dataclasses import replace

import pytest

from stabilitylab.figures import plots
from stabilitylab.training.diagnosis import Verdict, diagnose, find_spikes
from stabilitylab.training.telemetry import Run, StepRecord

UNIGRAM = 3.26
EMPTY = StepRecord(0, 0.0, 0.1, 1.0, 1.0, False, 0.01, 1.0, 0.0, 0.0, 1.0, False, 64, 0.1)


def run(losses, **changes):
    records = [replace(EMPTY, step=step, loss=loss) for step, loss in enumerate(losses)]
    for step, fields in changes.get("at", {}).items():
        records[step] = replace(records[step], **fields)
    return Run("made up", {"seed": 0}, records, UNIGRAM, 2.47)


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
