import pytest
import torch

from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import train
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.precision import DynamicLossScaler, StaticLossScaler, mixed_precision

SMALL = RunConfig(model=ModelConfig(layers=2, width=32, heads=2, context=32, init="xavier"), steps=20, batch_size=8, lr=3e-3)


def test_products_round_to_half_precision_and_accumulate_in_fp32():
    a, b = torch.full((1, 4096), 1.0), torch.full((4096, 1), 1.0)
    with mixed_precision("fp16"):
        assert (a @ b).dtype == torch.float16
        assert (a @ b).item() == 4096  # an fp16 sum of ones would stop at 2048
        assert torch.isinf(torch.full((1, 1), 300.0) @ torch.full((1, 1), 300.0)).all()  # 90000 is beyond 65504
    with mixed_precision("bf16"):
        assert (torch.full((1, 1), 300.0) @ torch.full((1, 1), 300.0)).item() == pytest.approx(90000, rel=0.01)
    assert (a @ b).dtype == torch.float32


def test_gradients_below_2_to_the_minus_25_are_flushed_and_loss_scaling_keeps_them():
    def gradient(scale):
        w = torch.nn.Parameter(torch.ones(1, 1))
        with mixed_precision("fp16"):
            loss = (torch.ones(1, 1) @ w).float().sum() * 2.0**-26
        (loss * scale).backward()
        return w.grad.item() / scale

    assert gradient(1.0) == 0.0
    assert gradient(1024.0) == pytest.approx(2.0**-26)


def test_an_fp16_run_follows_fp32_where_nothing_overflows():
    exact, half = train(SMALL).column("loss"), train(SMALL.replace(dtype="fp16")).column("loss")
    assert half == pytest.approx(exact, abs=0.02) and half != exact


def test_flushed_gradients_are_counted_in_half_precision_only():
    plain = train(SMALL.replace(dtype="fp16", steps=3))
    tiny_scale = train(SMALL.replace(dtype="fp16", steps=3, loss_scale=2.0**-12))
    assert tiny_scale.records[0].flushed_fraction > 0.1 > plain.records[0].flushed_fraction
    assert train(SMALL.replace(steps=3, loss_scale=2.0**-12)).records[0].flushed_fraction == 0.0


def test_without_master_weights_the_weights_are_half_precision():
    from stabilitylab.training.loop import Trainer

    assert {p.dtype for p in Trainer(SMALL.replace(dtype="bf16", master_weights=False)).parameters} == {torch.bfloat16}
    assert {p.dtype for p in Trainer(SMALL.replace(dtype="bf16")).parameters} == {torch.float32}


def test_impossible_precisions_and_scales_are_refused():
    with pytest.raises(ValueError, match="dtype is 'fp8'"):
        mixed_precision("fp8")
    with pytest.raises(ValueError, match="scale is 0"):
        StaticLossScaler(0.0)
    with pytest.raises(ValueError, match="init_scale is -1"):
        DynamicLossScaler(-1.0)


def test_the_dynamic_scaler_unscales_skips_backs_off_and_grows():
    scaler, weight = DynamicLossScaler(8.0, growth_interval=2), torch.nn.Parameter(torch.ones(2))
    seen = []
    for gradient in (float("inf"), 3.0, 3.0, float("nan")):
        weight.grad = None
        scaler.scale((weight * torch.tensor([1.0, gradient])).sum()).backward()
        skip = scaler.unscale_([weight])
        seen.append((scaler.loss_scale, skip, weight.grad[0].item()))
        scaler.update(skip)
    assert seen == [(8.0, True, 1.0), (4.0, False, 1.0), (4.0, False, 1.0), (8.0, True, 1.0)] and scaler.loss_scale == 4.0
    assert weight.tolist() == [1.0, 1.0]  # a scaler touches gradients only


def test_training_with_the_dynamic_scaler_skips_its_way_down_and_learns():
    run = train(SMALL.replace(dtype="fp16", steps=40), scaler=DynamicLossScaler(2.0**24))
    assert all(run.column("skipped")[:4]) and sum(run.column("skipped")) < 12
    assert run.column("loss_scale")[:5] == [2.0 ** (24 - k) for k in range(5)]
    assert run.records[0].update_ratio == 0 and run.records[-1].loss < run.records[0].loss - 1
    assert not any(record.nonfinite for record in run.records)
