import math

import pytest
import torch

from stabilitylab.training.schedules import DECAYS, warmup_then


def test_warmup_is_zero_at_step_zero_and_reaches_the_peak_at_its_end():
    for decay in DECAYS:
        rate = warmup_then(decay, peak_lr=0.1, warmup_steps=10, total_steps=100)
        assert rate(0) == 0
        assert rate(5) == pytest.approx(0.05)
        assert rate(10) == pytest.approx(0.1)


def test_decays_after_warmup():
    def at(decay, step):
        return warmup_then(decay, peak_lr=1.0, warmup_steps=20, total_steps=120)(step)

    assert at("constant", 119) == 1.0
    assert at("cosine", 70) == pytest.approx(0.5)
    assert at("linear", 70) == pytest.approx(0.5)
    assert at("cosine", 120) == pytest.approx(0, abs=1e-12) and at("cosine", 500) == pytest.approx(0, abs=1e-12)
    assert at("inverse_sqrt", 80) == pytest.approx(math.sqrt(20 / 80))
    assert at("wsd", 99) == 1.0 and at("wsd", 110) == pytest.approx(0.5) and at("wsd", 120) == 0


def test_without_warmup_a_run_starts_at_the_peak():
    assert all(warmup_then(decay, peak_lr=0.3, total_steps=10)(0) == 0.3 for decay in DECAYS)


def test_cosine_agrees_with_pytorch():
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.3)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=50)
    ours = warmup_then("cosine", peak_lr=0.3, total_steps=50)
    for step in range(50):
        assert ours(step) == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        theirs.step()


@pytest.mark.parametrize(
    "bad", [{"decay": "step"}, {"peak_lr": 0.0}, {"peak_lr": float("nan")}, {"warmup_steps": 11}, {"warmup_steps": -1}]
)
def test_impossible_schedules_are_refused_by_name(bad):
    arguments = {"decay": "cosine", "peak_lr": 0.1, "warmup_steps": 0, "total_steps": 10} | bad
    with pytest.raises(ValueError, match=f"^{next(iter(bad))} is "):
        warmup_then(arguments.pop("decay"), **arguments)


@pytest.mark.parametrize(
    "bad, remedy",
    [
        ({"decay": "step"}, "choose one of constant, cosine, linear, inverse_sqrt, wsd"),
        ({"peak_lr": 0.0}, "above 0 and finite"),
        ({"peak_lr": math.inf}, "above 0 and finite"),
        ({"peak_lr": math.nan}, "above 0 and finite"),
        ({"warmup_steps": 11}, "with 10 steps it must lie between 0 and 10"),
        ({"warmup_steps": -1}, "with 10 steps it must lie between 0 and 10"),
    ],
)
def test_a_refused_schedule_says_what_would_do(bad, remedy):
    ((name, value),) = bad.items()
    arguments = {"decay": "cosine", "peak_lr": 0.1, "warmup_steps": 0, "total_steps": 10} | bad
    with pytest.raises(ValueError, match=f"^{name} is {value!r}; .*{remedy}"):
        warmup_then(arguments.pop("decay"), **arguments)


def test_the_extremes_that_mean_something_are_taken():
    assert warmup_then("linear", peak_lr=1e-9, total_steps=4)(2) == pytest.approx(5e-10)
    only_warmup = warmup_then("cosine", peak_lr=1.0, warmup_steps=10, total_steps=10)
    assert [only_warmup(step) for step in (0, 5, 10)] == [0.0, 0.5, 1.0]


def test_every_decay_runs_over_what_follows_the_warmup():
    def at(decay, *steps, warmup_steps=0):
        rate = warmup_then(decay, peak_lr=2.0, warmup_steps=warmup_steps, total_steps=100 + warmup_steps)
        return [rate(step) for step in steps]

    for warmup in (0, 20):
        shifted = [warmup + step for step in (0, 25, 50, 75, 100, 150)]
        assert at("linear", *shifted, warmup_steps=warmup) == pytest.approx([2.0, 1.5, 1.0, 0.5, 0.0, 0.0])
        assert at("cosine", *shifted, warmup_steps=warmup) == pytest.approx([2.0, 1 + 0.5**0.5, 1.0, 1 - 0.5**0.5, 0.0, 0.0])
        stable = [warmup + step for step in (0, 79, 80, 85, 90, 100)]
        assert at("wsd", *stable, warmup_steps=warmup) == pytest.approx([2.0, 2.0, 2.0, 1.5, 1.0, 0.0])
        assert at("constant", *shifted, warmup_steps=warmup) == [2.0] * 6
    assert at("inverse_sqrt", 0, 1, 4, 100) == pytest.approx([2.0, 2.0, 1.0, 0.2])
    assert at("inverse_sqrt", 16, 64, 120, warmup_steps=16) == pytest.approx([2.0, 1.0, 2 * (16 / 120) ** 0.5])
