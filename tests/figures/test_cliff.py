import math
import time

import pytest

from stabilitylab.figures import cliff

PLACES = [(-5.0, 2.0), (0.0, -1.0), (0.98, 2.0), (1.1, 0.3), (40.0, 1.0)]


@pytest.mark.parametrize(("x", "y"), PLACES)
def test_the_gradient_is_that_of_the_loss(x, y):
    h = 1e-5
    across = (cliff.loss(x + h, y) - cliff.loss(x - h, y)) / (2 * h), (cliff.loss(x, y + h) - cliff.loss(x, y - h)) / (2 * h)
    assert cliff.gradient(x, y) == pytest.approx(across, rel=1e-4, abs=1e-6)


def test_at_the_wall_the_raw_step_raises_the_loss_and_both_clipped_steps_lower_it():
    here = cliff.loss(1.0, 2.0)
    raw, norm, value = cliff.steps(1.0, 2.0, limit=1.0, lr=0.3)
    assert raw.loss > here > max(norm.loss, value.loss)
    assert math.hypot(norm.x - 1.0, norm.y - 2.0) == pytest.approx(0.3)


def test_the_norm_keeps_the_direction_and_elements_bend_it():
    raw, norm, value = cliff.steps(1.0, 2.0, limit=1.0, lr=0.3)
    assert raw.cosine == pytest.approx(1) and norm.cosine == pytest.approx(1)
    assert value.cosine < 0.8
    assert value.x - 1.0 == pytest.approx(-0.3) and value.y - 2.0 == pytest.approx(-0.3)


def test_below_the_limit_the_three_steps_are_one():
    places = {(step.x, step.y, step.loss) for step in cliff.steps(0.0, 1.0, limit=10.0, lr=0.1)}
    assert len(places) == 1


def test_at_a_stationary_point_nothing_moves():
    middle = min((cliff.gradient(x / 1e4, 0.0)[0] ** 2, x / 1e4) for x in range(5000, 10000))[1]
    assert all(step.cosine == pytest.approx(1) for step in cliff.steps(middle, 0.0, limit=1.0, lr=0.1))


def test_the_picture_says_in_words_where_each_step_lands_and_marks_what_lies_beyond_the_edge():
    chart = cliff.picture(x=1.1, limit=1.0, lr=1.0)
    assert "raw: lands at" in chart.alt and "norm clipped: lands at" in chart.alt and "elements clipped: lands at" in chart.alt
    assert "beyond the edge" in chart.alt
    assert "beyond the edge" not in cliff.picture(x=0.0).alt


def test_it_is_drawn_quickly_enough_for_a_slider():
    cliff.picture().png()
    start = time.perf_counter()
    cliff.picture(x=0.5).png()
    assert time.perf_counter() - start < 2  # a fifth of a second on an idle core; the margin is for a busy one


@pytest.mark.parametrize("bad", [{"limit": 0.0}, {"lr": -1.0}])
def test_a_limit_or_a_rate_of_zero_is_refused(bad):
    with pytest.raises(ValueError, match="must be above 0"):
        cliff.picture(**bad)
