import math

import numpy as np
import pytest
import torch

from stabilitylab.figures import number_line
from stabilitylab.figures.number_line import crowd, limits, picture, place


def test_the_limits_are_those_of_the_formats():
    half, brain, single = (limits(name) for name in ("fp16", "bf16", "fp32"))
    assert (half.flush, half.smallest, half.normal) == (2.0**-25, 2.0**-24, 2.0**-14)
    assert (half.largest, half.overflow, half.digits) == (65504, 65520, 11)
    assert (brain.flush, brain.smallest, brain.normal, brain.digits) == (2.0**-134, 2.0**-133, 2.0**-126, 8)
    assert (single.smallest, single.normal, single.digits) == (2.0**-149, 2.0**-126, 24)


def test_a_number_is_rounded_to_the_nearest_and_half_way_to_the_even_one():
    assert place(2.0**-25).stored == 0 and place(np.nextafter(2.0**-25, 1)).stored == 2.0**-24
    assert place(1.5 * 2.0**-24).stored == 2 * 2.0**-24 and place(2.5 * 2.0**-24).stored == 2 * 2.0**-24
    assert place(65519).stored == 65504 and place(np.nextafter(65520, 0)).stored == 65504 and place(65520).stored == math.inf
    assert place(65504).error == 0 and place(1e-8).error == 1 and place(1e6).error == math.inf


def test_rounding_agrees_with_numpy_and_torch():
    drawn = np.random.default_rng(0)
    values = 10 ** drawn.uniform(-9, 5.2, 2000)
    with np.errstate(over="ignore"):
        assert [place(value).stored for value in values] == [float(np.float16(value)) for value in values]
    single = torch.tensor(10 ** drawn.uniform(-40, 38, 500), dtype=torch.float32)
    brain = single.bfloat16().double().tolist()
    assert [place(value, "bf16").stored for value in single.double().tolist()] == brain
    assert all(place(value, "fp32").error == 0 for value in single.double().tolist())


def test_neighbours_hold_the_value_between_them_and_name_its_zone():
    found = place(3e-8)
    assert (found.below, found.above, found.stored, found.zone) == (0, 2.0**-24, 2.0**-24, "subnormal: losing digits")
    assert place(1e-8).zone == "flushed to zero" and place(1.0).zone == "normal" and place(7e4).zone == "overflow: inf"
    assert place(1e-8, "bf16").zone == "normal"
    assert place(0.1).below < 0.1 < place(0.1).above


@pytest.mark.parametrize("dtype", ["fp16", "bf16", "fp32"])
@pytest.mark.parametrize("value", [1e-46, 2.0**-25, 3e-8, 0.1, 1.0, 65519.0, 65520.0, 1e6, 3.39e38, 1e300])
def test_any_number_can_be_drawn(value, dtype):
    chart = picture(value, dtype)
    assert chart.png() and dtype in chart.alt and len(chart.alt) > 80


def test_the_description_tells_what_becomes_of_the_number():
    assert "is flushed to zero" in picture(1e-8).alt
    assert "65520 overflows to inf" in picture(65520.0).alt
    assert "stored as 5.96e-08, an error of 99% (subnormal)" in picture(3e-8).alt
    assert "stored exactly" in picture(0.5).alt


def test_a_crowd_is_counted_by_zone_after_the_factor():
    numbers = torch.tensor([0.0, 2.0**-26, -(2.0**-20), 1.0, -70000.0])
    assert "all: 25.0% flushed, 25.0% subnormal, 25.0% inf" in crowd({"all": numbers}, title="Four").alt
    assert "all: 0.0% flushed, 0.0% subnormal, 50.0% inf" in crowd({"all": numbers}, factor=2.0**17).alt


def test_nonsense_is_refused():
    for value in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="value is"):
            place(value)
    with pytest.raises(ValueError, match="dtype is 'fp8'"):
        number_line.limits("fp8")
