"""What learning-rate schedules give at the first step, half way, at the end and past it (claims B6, C3, C6).

The numbers are exact and do not depend on a seed.

Expected for claim C6: negative rates from PyTorch's own schedulers past their end. Found: none of the three tried (cosine,
linear, polynomial) goes negative; the negative rates come from decays written by hand without a floor, such as a lambda in
LambdaLR.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import lr_scheduler

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.training.schedules import warmup_then

STEPS, WARMUP, PAST = 1000, 100, 1100
WIDTH, NOAM_WARMUP = 512, 4000


def noam(step: int) -> float:
    """Vaswani et al. 2017, section 5.3."""
    return WIDTH**-0.5 * min(step**-0.5, step * NOAM_WARMUP**-1.5)


def textbook(seed: int) -> dict[str, float]:
    """Peak 1, 100 steps of linear warmup, decay to step 1000."""
    cosine, linear = (warmup_then(decay, peak_lr=1.0, warmup_steps=WARMUP, total_steps=STEPS) for decay in ("cosine", "linear"))
    return {
        "half": cosine((WARMUP + STEPS) // 2),
        "first": cosine(0),
        "last": cosine(STEPS),
        "past": linear(PAST),
        "noam-peak": max(map(noam, range(1, 3 * NOAM_WARMUP))),
        "noam-peak-step": float(max(range(1, 3 * NOAM_WARMUP), key=noam)),
    }


def careless(seed: int) -> dict[str, float]:
    """The same with the run's middle taken for the decay's, no floor, and the peak misremembered as d_model^-0.5."""
    cosine = warmup_then("cosine", peak_lr=1.0, warmup_steps=WARMUP, total_steps=STEPS)

    def linear(step: int) -> float:
        return 1 - (step - WARMUP) / (STEPS - WARMUP)

    return {
        "half": cosine(STEPS // 2),
        "first": 1 / WARMUP,  # a warmup counted from 1 has no step at 0
        "last": linear(STEPS),
        "past": linear(PAST),
        "noam-peak": WIDTH**-0.5,
        "noam-peak-step": float(NOAM_WARMUP),
    }


def rates(scheduler: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler], steps: int) -> list[float]:
    """The learning rate of each step under a torch scheduler, base rate 1."""
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    schedule, found = scheduler(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return found


def in_torch(seed: int) -> dict[str, float]:
    """Three of torch's schedulers and a lambda without a floor, 100 steps long, run for 201."""
    end, run = 100, 201
    cosine = rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=end), run)
    floored = rates(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=end, eta_min=0.1), run)
    linear = rates(lambda o: lr_scheduler.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=end), run)
    polynomial = rates(lambda o: lr_scheduler.PolynomialLR(o, total_iters=end), run)
    by_hand = rates(lambda o: lr_scheduler.LambdaLR(o, lambda step: 1 - step / end), run)
    warmup = rates(lambda o: lr_scheduler.LambdaLR(o, lambda step: min(1.0, step / 10)), run)
    return {
        "half": cosine[end // 2],
        "half-floored": floored[end // 2],
        "last": cosine[end],
        "cosine-at-twice": cosine[2 * end],
        "lowest-own": min(*cosine, *linear, *polynomial),
        "linear-past": max(linear[end:]),
        "by-hand-past": by_hand[end + 10],
        "warmup-first": warmup[0],
        "weight-after": _step_at(by_hand[end + 10]),
        "refused": _refuses(by_hand[end + 10]),
    }


def _step_at(lr: float) -> float:
    """A weight of 1 with loss w^2 / 2 after one SGD step whose rate a scheduler has set."""
    weight = nn.Parameter(torch.ones(1))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    optimizer.param_groups[0]["lr"] = lr
    weight.grad = weight.detach().clone()
    optimizer.step()
    return weight.item()


def _refuses(lr: float) -> float:
    """1 if the optimizer's constructor refuses the rate."""
    try:
        torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=lr)
    except ValueError:
        return 1.0
    return 0.0


EXPERIMENT = Experiment(
    name="schedule-facts",
    question="what do schedules give at the first step, half way, at the end and past it?",
    arms={
        "textbook": Measurement(textbook, "this course's schedules, and Noam as published"),
        "careless": Measurement(careless, "the run's middle for the decay's, no floor, the peak misremembered"),
        "torch": Measurement(in_torch, "PyTorch's own schedulers, and a lambda without a floor"),
    },
    expectations={
        "cosine-half": Expectation(
            "Half way through the decay the cosine is at half of the base rate, in torch too.",
            lambda r: abs(r["textbook"]["half"] - 0.5) < 1e-12 and abs(r["torch"]["half"] - 0.5) < 1e-9,
        ),
        "half-of-what": Expectation(
            (
                "That is half way through the decay and down to 0: in the middle of a run with 10% warmup it is 0.59, with a "
                "floor of 0.1 it is 0.55."
            ),
            lambda r: abs(r["careless"]["half"] - 0.5868) < 1e-4 and abs(r["torch"]["half-floored"] - 0.55) < 1e-9,
        ),
        "zero-at-both-ends": Expectation(
            "The rate is 0 at the first step of a warmup from 0 and at the end of the decay, in torch too.",
            lambda r: (
                r["textbook"]["first"] == r["textbook"]["last"] == r["torch"]["warmup-first"] == 0
                and abs(r["torch"]["last"]) < 1e-12
            ),
        ),
        "negative-past-the-end": Expectation(
            "A linear decay without a floor is negative past its end; with one it stays at 0.",
            lambda r: r["careless"]["past"] < -0.1 and r["torch"]["by-hand-past"] < -0.09 and r["textbook"]["past"] == 0,
        ),
        "nobody-objects": Expectation(
            "An optimizer that refuses a negative rate takes it from a scheduler, and walks uphill.",
            lambda r: r["torch"]["refused"] == 1 and r["torch"]["weight-after"] > 1.05,
        ),
        "torch-has-floors": Expectation(
            (
                "torch's own linear, polynomial and cosine schedulers never go negative: the linear one stays at 0, the cosine "
                "climbs back to the base rate."
            ),
            lambda r: (
                r["torch"]["lowest-own"] > -1e-12
                and r["torch"]["linear-past"] < 1e-12
                and abs(r["torch"]["cosine-at-twice"] - 1) < 1e-9
            ),
        ),
        "noam-peak": Expectation(
            "Noam's peak is d_model^-0.5 * warmup^-0.5, at the end of the warmup: 7.0e-4 for width 512 and 4000 steps.",
            lambda r: (
                abs(r["textbook"]["noam-peak"] - (WIDTH * NOAM_WARMUP) ** -0.5) < 1e-12
                and r["textbook"]["noam-peak-step"] == NOAM_WARMUP
            ),
        ),
        "misremembered-peak": Expectation(
            "d_model^-0.5 is sqrt(warmup) times that: 63 times at 4000 steps.",
            lambda r: abs(r["careless"]["noam-peak"] / r["textbook"]["noam-peak"] - math.sqrt(NOAM_WARMUP)) < 1e-9,
        ),
    },
    control=("textbook", "careless"),
    quantities={
        "half": Quantity("cosine over base rate, half way through the decay", lambda r: r["textbook"]["half"]),
        "half-of-run": Quantity("cosine over base rate, in the middle of a run with 10% warmup", lambda r: r["careless"]["half"]),
        "half-floored": Quantity("half way with a floor of 0.1", lambda r: r["torch"]["half-floored"]),
        "past": Quantity("linear decay without a floor, 10% past its end", lambda r: r["torch"]["by-hand-past"]),
        "cosine-at-twice": Quantity("torch's cosine at twice its length", lambda r: r["torch"]["cosine-at-twice"]),
        "noam-peak": Quantity("Noam's peak, width 512, 4000 steps of warmup", lambda r: r["textbook"]["noam-peak"]),
        "misremembered": Quantity(
            "d_model^-0.5 over that peak", lambda r: r["careless"]["noam-peak"] / r["textbook"]["noam-peak"]
        ),
    },
    shows=(
        "A learning rate of exactly 0 at the first and at the last step is normal, and a decay written without a floor is "
        "negative past its end. No optimizer checks a rate that a scheduler sets. torch's own schedulers stop at 0, except the "
        "cosine, which climbs again."
    ),
    does_not_show="Whether a schedule is a good one. How often such code is met is not measured either.",
)
