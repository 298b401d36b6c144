import math

import pytest
import torch
import torch.nn.functional as F

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


@pytest.mark.parametrize("name, half, step", [("fp16", torch.float16, 2.0**-10), ("bf16", torch.bfloat16, 2.0**-7)])
def test_what_goes_into_a_product_is_rounded_and_so_is_what_comes_out(name, half, step):
    one, barely = torch.ones(1, 1), torch.full((1, 1), 1 + step / 4)
    for product in (torch.matmul, torch.Tensor.matmul, lambda a, b: a @ b, F.linear):
        with mixed_precision(name):
            assert product(barely, one).dtype == half
            assert product(barely, one).item() == product(one, barely).item() == 1.0  # each is rounded on its way in
            row = torch.tensor([[1.0, step / 4]])
            assert (
                product(row, torch.ones(1, 2) if product is F.linear else torch.ones(2, 1)).item() == 1.0
            )  # the sum, on its way out


def test_a_bias_is_rounded_too_and_byte_values_stay_whole_numbers():
    with mixed_precision("bf16"):
        assert F.linear(torch.zeros(1, 1), torch.ones(1, 1), torch.tensor([1 + 2.0**-9])).item() == 1.0
        assert F.embedding(torch.tensor([1]), torch.tensor([[0.0], [1 + 2.0**-9]])).item() == 1 + 2.0**-9
        assert (torch.ones(2) + 2.0**-9).tolist() == [1 + 2.0**-9] * 2  # not a product


def test_norms_and_softmax_compute_in_fp32_and_answer_in_what_they_were_given():
    row = torch.tensor([[300.0, -300.0, 60000.0, 1.0]], dtype=torch.float16)
    gain, bias = torch.full((4,), 1.5), torch.ones(4)
    with mixed_precision("fp16"):
        softmax = row.softmax(dim=-1)
        normed = F.layer_norm(row, (4,), weight=gain, bias=bias, eps=1e-5)
        by_place = F.layer_norm(row, (4,), gain, bias)
        rms = F.rms_norm(row, (4,), gain)
    assert softmax.dtype == normed.dtype == rms.dtype == torch.float16
    assert torch.equal(softmax, row.float().softmax(dim=-1).half())
    assert torch.equal(normed, F.layer_norm(row.float(), (4,), gain, bias).half()) and torch.equal(normed, by_place)
    assert torch.equal(rms, F.rms_norm(row.float(), (4,), gain).half()) and rms.isfinite().all()
    with mixed_precision("fp16"):
        assert torch.ones(1, 2).softmax(dim=-1).dtype == torch.float32


def test_fp32_is_left_alone():
    with mixed_precision("fp32"):
        assert (torch.full((1, 1), 1 + 2.0**-20) @ torch.ones(1, 1)).item() == 1 + 2.0**-20


def gradient_of(scaler, *gradients):
    """A parameter with these gradients at the scaler's scale, and whether the step must be skipped."""
    weight = torch.nn.Parameter(torch.ones(len(gradients)))
    scaler.scale((weight * torch.tensor(gradients)).sum()).backward()
    return weight, scaler.unscale_([weight, torch.nn.Parameter(torch.ones(1))])  # one without a gradient is no obstacle


@pytest.mark.parametrize("scale", [0.5, 2.0, 1024.0])
def test_a_static_scale_multiplies_the_loss_and_is_divided_out(scale):
    scaler = StaticLossScaler(scale)
    assert scaler.scale(torch.tensor(3.0)).item() == 3 * scale
    weight, skip = gradient_of(scaler, 3.0, math.inf)
    assert weight.grad.tolist() == [3.0, math.inf] and skip is False
    scaler.update(True)
    assert scaler.loss_scale == scale


def test_a_scale_of_one_is_no_scaling_at_all():
    loss = torch.tensor(3.0)
    assert StaticLossScaler().loss_scale == 1.0 and StaticLossScaler().scale(loss) is loss
    assert gradient_of(StaticLossScaler(), 3.0)[0].grad.tolist() == [3.0]


@pytest.mark.parametrize("kind, name", [(StaticLossScaler, "scale"), (DynamicLossScaler, "init_scale")])
def test_a_scale_that_is_not_above_zero_is_refused(kind, name):
    for bad in (0.0, -0.5, math.nan):
        with pytest.raises(ValueError, match=f"^{name} is {bad}; it must be above 0, usually a power of two"):
            kind(bad)
    assert kind(0.25).loss_scale == 0.25


def test_the_dynamic_scaler_begins_at_2_to_the_16_halves_and_doubles_after_2000_good_steps():
    scaler = DynamicLossScaler()
    assert scaler.loss_scale == 65536
    _, skip = gradient_of(scaler, math.inf)
    scaler.update(skip)
    assert scaler.loss_scale == 32768
    weight, good = torch.nn.Parameter(torch.ones(1)), []
    for _ in range(2000):
        weight.grad = torch.ones(1)
        scaler.update(scaler.unscale_([weight]))
        good.append(scaler.loss_scale)
    assert good == [32768] * 1999 + [65536]


def test_the_dynamic_scaler_takes_its_factors():
    scaler = DynamicLossScaler(64.0, growth_factor=8.0, backoff_factor=0.25, growth_interval=1)
    seen = []
    for gradient in (math.nan, 1.0):
        scaler.update(gradient_of(scaler, gradient)[1])
        seen.append(scaler.loss_scale)
    assert seen == [16.0, 128.0]
