"""What assignment a2_schedules asks: three learning-rate schedules, the reading of an LR range test, and a run to free."""

from __future__ import annotations

import math
import random
from typing import Any

from stabilitylab.exercises import Probe, Question, quiz
from stabilitylab.exercises.a1_clipping import draws
from stabilitylab.training.config import RunConfig
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.numbers import number
from stabilitylab.training.telemetry import Run

COURSE_SCHEDULES = ("stabilitylab.training.schedules.warmup_then",)

STUCK = RunConfig(
    model=ModelConfig(layers=4, width=32, heads=2, context=32, norm="post", init="xavier"),
    lr=1e-2,
    steps=300,
)
"""The run of lesson 01 that a constant 1e-2 leaves at the unigram plateau: post-LN under Adam."""

SWEEP = 200


def scaled(rate: Any) -> Any:
    """A rate in millionths, because answers within an absolute 1e-6 count as equal; what is no number, by the name of its
    type."""
    rate = number(rate)
    return rate * 1e6 if isinstance(rate, (int, float)) else type(rate).__name__


def rates(schedule, steps, **settings) -> list[Any]:
    return [scaled(schedule(step, **settings)) for step in steps]


def peak(rng: random.Random) -> float:
    """From cool to absurdly hot."""
    return 10 ** rng.uniform(-3, 1)


def cool(rng: random.Random) -> float:
    """A peak so low that a rate rounded to so many digits, or a lowest rate, shows."""
    return 10 ** rng.uniform(-5, -4)


def lengths(rng: random.Random) -> dict[str, Any]:
    """A peak, and a warmup and a run whose lengths are multiples of 4, so that quarters fall on whole steps."""
    warmup = 4 * rng.randrange(5, 30)
    return {"base_lr": peak(rng), "warmup_steps": warmup, "total_steps": warmup + 4 * rng.randrange(40, 200)}


def decaying(settings: dict[str, Any]) -> list[int]:
    """The steps at a quarter, a half and three quarters of the decay."""
    warmup, total = settings["warmup_steps"], settings["total_steps"]
    return [warmup + (total - warmup) * quarter // 4 for quarter in (1, 2, 3)]


def warms_up_in_a_line_from_zero(schedule, rng):
    settings = lengths(rng)
    warmup = settings["warmup_steps"]
    steps = [0, 1, warmup // 4, warmup // 2]
    floor = settings["base_lr"] * rng.uniform(0.1, 0.3)
    cooler = settings | {"base_lr": cool(rng)}
    return [
        rates(schedule, steps, **settings),
        rates(schedule, steps, min_lr=floor, **settings),
        rates(schedule, steps, **cooler),
    ]


def peaks_where_the_warmup_ends(schedule, rng):
    settings = lengths(rng)
    warmup = settings["warmup_steps"]
    floor = settings["base_lr"] * rng.uniform(0.1, 0.3)
    return rates(schedule, [warmup - 1, warmup, warmup + 1], min_lr=floor, **settings)


def decays_along_half_a_cosine(schedule, rng):
    settings = lengths(rng)
    # a long decay after a short warmup, and the other way round
    short = settings | {"warmup_steps": 4 * rng.randrange(100, 200), "total_steps": 4 * rng.randrange(201, 205)}
    return [rates(schedule, decaying(each), **each) for each in (settings, short)]


def decays_to_the_floor(schedule, rng):
    seen = []
    for share in (rng.uniform(0.1, 0.3), rng.uniform(0.5, 0.9)):
        settings = lengths(rng)
        total, floor = settings["total_steps"], settings["base_lr"] * share
        seen.append(rates(schedule, [*decaying(settings), total - 1, total], min_lr=floor, **settings))
    return seen


def stays_at_the_floor(schedule, rng):
    settings = lengths(rng)
    warmup, total = settings["warmup_steps"], settings["total_steps"]
    floor = settings["base_lr"] * rng.uniform(0.1, 0.3)
    past = [(warmup + total) // 2, total + 1, total + (total - warmup) // 2, 2 * total - warmup, 1000 * total]
    return [rates(schedule, past, min_lr=floor, **settings), rates(schedule, past, **settings)]


def starts_at_the_peak_without_warmup(schedule, rng):
    settings = lengths(rng) | {"warmup_steps": 0}
    # the shortest run there is: one step at the peak, and then the floor
    shortest = settings | {"total_steps": 1, "min_lr": settings["base_lr"] * rng.uniform(0.1, 0.3)}
    return [rates(schedule, [0, *decaying(settings)], **settings), rates(schedule, [0, 1, 2], **shortest)]


def depends_on_its_arguments_alone(schedule, rng):
    settings, other = lengths(rng), lengths(rng)
    warmup = settings["warmup_steps"]
    seen = rates(schedule, [warmup // 2, decaying(settings)[1], warmup // 2], **settings)
    # the same lengths with another peak, or another floor, and the same peak with other lengths
    for change in ({"base_lr": other["base_lr"]}, {"min_lr": settings["base_lr"] * 0.2}, other):
        seen += rates(schedule, [warmup // 4, decaying(settings)[1]], **(settings | change))
    return [*seen, *rates(schedule, [decaying(settings)[1], warmup // 2], **settings)]


def inverse_sqrt_lengths(rng: random.Random) -> dict[str, Any]:
    return {"base_lr": peak(rng), "warmup_steps": 4 * rng.randrange(5, 200)}


def inverse_sqrt_warms_up(schedule, rng):
    settings = inverse_sqrt_lengths(rng)
    warmup = settings["warmup_steps"]
    return rates(schedule, [0, 1, warmup // 4, warmup // 2], **settings)


def inverse_sqrt_peaks_without_a_jump(schedule, rng):
    settings, other = inverse_sqrt_lengths(rng), inverse_sqrt_lengths(rng)
    seen = []
    # back and forth between two settings: nothing may be remembered
    for each in (settings, other, settings, other | {"base_lr": settings["base_lr"]}):
        warmup = each["warmup_steps"]
        seen.append(rates(schedule, [warmup + 1, warmup, warmup - 1], **each))
    return seen


def inverse_sqrt_decays(schedule, rng):
    settings = inverse_sqrt_lengths(rng)
    warmup = settings["warmup_steps"]
    steps = [4 * warmup, 9 * warmup, rng.randrange(20, 200) * warmup, 10**6 * warmup]
    return [rates(schedule, steps, **each) for each in (settings, settings | {"base_lr": cool(rng)})]


def inverse_sqrt_with_one_step_of_warmup(schedule, rng):
    return rates(schedule, [0, 1, 4, rng.randrange(50, 99)], base_lr=peak(rng), warmup_steps=1)


def widths(rng: random.Random) -> dict[str, int]:
    return {"d_model": rng.randrange(24, 2000), "warmup_steps": 4 * rng.randrange(100, 2000)}


def noam_rises_in_a_line(schedule, rng):
    settings = widths(rng)
    warmup = settings["warmup_steps"]
    return rates(schedule, [1, warmup // 4, warmup // 2, warmup - 1], **settings)


def noam_falls_after_the_warmup(schedule, rng):
    settings = widths(rng)
    warmup = settings["warmup_steps"]
    return rates(schedule, [warmup + 1, 4 * warmup, rng.randrange(9, 99) * warmup, 10**5 * warmup], **settings)


def noam_peaks_at_the_published_height(schedule, rng):
    settings, other = widths(rng), widths(rng)
    shortest = {"d_model": rng.randrange(1, 9), "warmup_steps": 1}
    found = []
    # back and forth between settings: nothing may be remembered
    for each in (settings, other, shortest, settings, other | {"d_model": settings["d_model"]}):
        found += rates(schedule, [each["warmup_steps"]], **each)
    return found


def noam_begins_at_zero(schedule, rng):
    settings = widths(rng)
    return rates(schedule, [0, 1], **settings)


Sweep = tuple[list[float], list[float]]
"""Losses and rates of a sweep."""


def ramp(rng: random.Random, steps: int) -> list[float]:
    """Rates that rise by one factor from step to step."""
    low, decades = 10 ** rng.uniform(-6, -4), rng.uniform(4, 6)
    return [low * 10 ** (decades * i / (SWEEP - 1)) for i in range(steps)]


def sweep(rng: random.Random, end: float = 0.8) -> Sweep:
    """A made-up sweep: flat, a fall, a shallow valley; from the share ``end`` on it rises for good."""
    lrs = ramp(rng, SWEEP)
    fall, bottom = rng.uniform(0.4, 0.5), rng.uniform(2.6, 3.0)
    losses = []
    for i in range(SWEEP):
        x = i / (SWEEP - 1)
        loss = bottom + (5.6 - bottom) / (1 + math.exp((x - fall) / 0.04)) + 8 * max(0.0, x - 0.68) ** 2
        if x > end:
            loss += 90 * (x - end)
        losses.append(loss + rng.gauss(0, 0.08))
    return losses, lrs


def short_sweep(rng: random.Random, level: float, shifts: list[float]) -> Sweep:
    """A short one around a level: what is smoothed wrongly at the beginning shows, and where a loop begins and ends."""
    return [level + shift + rng.gauss(0, 0.02) for shift in shifts], ramp(rng, len(shifts))


def line(rng: random.Random, slope: float, fewest: int, most: int) -> list[float]:
    """Shifts that rise or fall by ``slope`` from step to step, at least as many as that and fewer than this."""
    return [slope * i for i in range(rng.randrange(fewest, most))]


def picks(given: Any, *names: str) -> Any:
    """The named entries of the dictionary; what is no dictionary, by the name of its type."""
    return {name: scaled(given.get(name, "missing")) for name in names} if isinstance(given, dict) else type(given).__name__


def finds_the_lowest_smoothed_loss(read, rng):
    found = []
    for level in (0.0, rng.uniform(60, 90)):  # the second in another unit: only differences of losses mean anything
        losses, lrs = sweep(rng)
        losses[rng.randrange(30, 50)] = 1.5  # one lucky batch, long before anything was learned
        found.append(picks(read([loss + level for loss in losses], lrs), "lowest"))
    # it rises, but the smoothed loss falls for as long as the first loss weighs in it
    found.append(picks(read(*short_sweep(rng, rng.uniform(4, 5), [0.5, *line(rng, 0.05, 11, 17)])), "lowest"))
    return found


def suggests_a_tenth_of_it(read, rng):
    return [picks(read(*sweep(rng)), "suggested") for _ in range(2)]


def finds_the_steepest_fall(read, rng):
    found = [picks(read(*sweep(rng)), "steepest") for _ in range(3)]
    # a fall that is steepest at the first step that counts, at the last, and at the only one
    first = [0.6, *line(rng, 0.0, 12, 15), *[1.2] * 10]
    last = [*line(rng, 0.0, 12, 15), *line(rng, -0.3, 10, 14)]
    for shifts in (first, last, line(rng, -0.1, 11, 12)):
        found.append(picks(read(*short_sweep(rng, rng.uniform(5, 6), shifts)), "steepest"))
    return found


def marks_where_the_loss_ran_away(read, rng):
    found = [picks(read(*sweep(rng, end)), "diverged") for end in (rng.uniform(0.75, 0.8), rng.uniform(0.85, 0.9), 2.0)]
    # it rises from a first loss that weighs on, and from losses far from those of a language model
    shifts = [-1.2, *line(rng, 0.0, 12, 13), *[rng.uniform(1.0, 1.2)] * 28]
    found.append(picks(read(*short_sweep(rng, rng.uniform(3, 4), shifts)), "diverged"))
    for level in (rng.uniform(0.6, 0.8), rng.uniform(50, 80)):
        found.append(picks(read(*short_sweep(rng, level, line(rng, rng.uniform(0.07, 0.09), 40, 41))), "diverged"))
    return found


def marks_where_numbers_broke(read, rng):
    found = []
    for bad in (math.nan, math.inf, -math.inf):
        losses, lrs = sweep(rng, end=2.0)
        broken = rng.randrange(150, 190)
        losses[broken:] = [bad] * (SWEEP - broken)
        found.append(picks(read(losses, lrs), "diverged"))
    losses, lrs = short_sweep(rng, 5.0, line(rng, -0.1, 12, 20))
    losses[11] = math.nan  # as early as may be, and once only
    found.append(picks(read(losses, lrs), "diverged"))
    return found


def uses_nothing_after_the_trouble(read, rng):
    found = []
    for bad in (math.nan, math.inf, -math.inf, None):
        losses, lrs = sweep(rng, end=2.0)
        first = rng.randrange(125, 140)
        # one bad step or a runaway, after which the loss comes back, falls fast and ends lower than before
        losses[first : first + 20] = [9.0] * 20 if bad is None else [bad] + [9.0] * 19
        losses[first + 20 :] = [1.2 + rng.gauss(0, 0.05) for _ in losses[first + 20 :]]
        given = list(losses), list(lrs)
        read_off, drew = draws(read, *given)
        untouched = [list(map(repr, after)) == list(map(repr, before)) for after, before in zip(given, (losses, lrs))]
        found.append([picks(read_off, "lowest", "steepest"), untouched, drew])
    return found


def trains_with_your_schedule(rescue, rng):
    run = rescue(STUCK.replace(seed=rng.randrange(10**6), steps=rng.choice((10, 12)), lr=rng.uniform(7e-3, 9e-3)))
    if not isinstance(run, Run):
        return type(run).__name__
    # The first steps only: later ones amplify differences in rounding between two correct implementations.
    return {"loss": run.column("loss"), "lr": run.column("lr")}


def leaves_the_settings_alone(rescue, rng):
    seen = []
    for _ in range(2):
        config = STUCK.replace(seed=rng.randrange(10**6), steps=rng.choice((5, 7)), lr=rng.uniform(7e-3, 9e-3))
        run, drew = draws(rescue, config)
        if not isinstance(run, Run):
            return type(run).__name__
        used = dict(run.config)
        names = ("lr", "optimizer", "warmup_steps", "decay", "clip_norm", "steps", "batch_size", "seed")
        seen.append({name: used[name] for name in names} | {"first rates": run.column("lr")[:2], "drew": drew})
    return seen


QUESTIONS = {
    "warmup_cosine": Question(
        target="warmup_cosine",
        ruled_out=COURSE_SCHEDULES,
        probes=(
            Probe(
                warms_up_in_a_line_from_zero,
                (
                    "The warmup is a straight line from 0 at step 0, whatever min_lr is: half way through it the rate is "
                    "base_lr / 2."
                ),
            ),
            Probe(
                peaks_where_the_warmup_ends,
                (
                    "At step warmup_steps the rate is exactly base_lr; one step before it is still on the line, one step after "
                    "it is already on the cosine."
                ),
            ),
            Probe(
                decays_along_half_a_cosine,
                (
                    "The decay is half a cosine over the steps from warmup_steps to total_steps: slow, fast, slow, and half of "
                    "base_lr in its middle when min_lr is 0."
                ),
            ),
            Probe(
                decays_to_the_floor, "The cosine runs from base_lr to min_lr: in its middle the rate is half way between the two."
            ),
            Probe(stays_at_the_floor, "After total_steps the rate stays at min_lr, however far past the end."),
            Probe(
                starts_at_the_peak_without_warmup,
                "With warmup_steps = 0 there is no line: the rate is base_lr at step 0, and the decay begins there.",
            ),
            Probe(
                depends_on_its_arguments_alone,
                (
                    "The same arguments must give the same rate, in whatever order the steps are asked for: return a number, "
                    "and remember nothing."
                ),
            ),
        ),
    ),
    "warmup_inverse_sqrt": Question(
        target="warmup_inverse_sqrt",
        ruled_out=COURSE_SCHEDULES,
        probes=(
            Probe(inverse_sqrt_warms_up, "The warmup is a straight line from 0 at step 0 to base_lr at step warmup_steps."),
            Probe(
                inverse_sqrt_peaks_without_a_jump,
                (
                    "The two pieces meet: at step warmup_steps the rate is exactly base_lr, and the next step is only a little "
                    "lower."
                ),
            ),
            Probe(
                inverse_sqrt_decays,
                (
                    "After the warmup the rate is base_lr * sqrt(warmup_steps / step), with the step counted from the beginning "
                    "of the run."
                ),
            ),
            Probe(
                inverse_sqrt_with_one_step_of_warmup,
                "With warmup_steps = 1 the rate is 0 at step 0, base_lr at step 1, and base_lr / 2 at step 4.",
            ),
        ),
    ),
    "noam": Question(
        target="noam",
        ruled_out=COURSE_SCHEDULES,
        probes=(
            Probe(noam_rises_in_a_line, "Before step warmup_steps the rate is d_model^-0.5 * step * warmup_steps^-1.5."),
            Probe(noam_falls_after_the_warmup, "After step warmup_steps the rate is d_model^-0.5 * step^-0.5."),
            Probe(
                noam_peaks_at_the_published_height,
                "At step warmup_steps the two pieces meet: compare your peak with the formula's.",
            ),
            Probe(noam_begins_at_zero, "At step 0 the rate is 0.0, and at step 1 it is no longer."),
        ),
    ),
    "lr_range_test": Question(
        target="lr_range_test",
        probes=(
            Probe(
                finds_the_lowest_smoothed_loss,
                (
                    '"lowest" is the rate at the smallest smoothed loss, which is not the smallest single loss; the smoothed '
                    "loss of step 0 is its loss, and nothing corrects it."
                ),
            ),
            Probe(suggests_a_tenth_of_it, '"suggested" is a tenth of "lowest".'),
            Probe(
                finds_the_steepest_fall,
                '"steepest" is the rate at which the smoothed loss falls most from five steps before to five steps after.',
            ),
            Probe(
                marks_where_the_loss_ran_away,
                (
                    '"diverged" is the rate of the first step whose smoothed loss is more than 1 nat above the lowest smoothed '
                    "loss before it; None if there is no trouble."
                ),
            ),
            Probe(marks_where_numbers_broke, '"diverged" is the rate of the first step whose loss is NaN or inf.'),
            Probe(
                uses_nothing_after_the_trouble,
                (
                    "Nothing from the step of the trouble on may count, even if the loss comes back and ends lower; the lists "
                    "that you are given stay as they are."
                ),
            ),
        ),
    ),
    "rescue": Question(
        target="rescue",
        probes=(
            Probe(
                trains_with_your_schedule,
                (
                    "The run must be the given config with your warmup_cosine as its schedule, as the text sets it, and nothing "
                    "else changed; mend warmup_cosine first if its own check fails."
                ),
                rtol=1e-2,
            ),
            Probe(
                leaves_the_settings_alone,
                (
                    "Each config stays as it is, its lr, warmup_steps and decay too, and so does the random state: only the "
                    "schedule given to train is new, and it begins at rate 0."
                ),
            ),
        ),
    ),
    "quiz_first_step": quiz("answer_first_step"),
    "quiz_noam": quiz("answer_noam"),
    "quiz_length": quiz("answer_length"),
    "quiz_range_test": quiz("answer_range_test"),
}
