"""What the figures of a sweep show of runs that diverged, and of settings that lie close together."""

import itertools
import math

import pandas
import pytest

from stabilitylab.figures import maps


def frame(ends, **more):
    rates, losses = zip(*ends)
    return pandas.DataFrame({"lr": rates, "final_loss": losses, **more})


def lines(chart, marker):
    """The points of lines that are drawn with a marker, without what stands for them in the legend."""
    (axis,) = chart.figure.axes
    return [
        list(zip(line.get_xdata(), line.get_ydata()))
        for line in axis.lines
        if line.get_marker() == marker and len(line.get_xdata())
    ]


def test_a_run_that_was_not_finite_is_a_cross_and_never_a_loss():
    chart = maps.rate_sensitivity(frame([(1e-3, 3.0), (1e-3, 3.1), (1e-2, 2.5), (1e-2, 2.6), (1e-1, math.nan), (1e-1, math.inf)]))
    ((_, (_, second), (_, last)),) = lines(chart, "o")
    assert second == pytest.approx(2.55) and math.isnan(last)
    assert [[x for x, _ in cross] for cross in lines(chart, "x")] == [[1e-1]]
    assert "lowest at 0.01 (2.55), not finite at 0.1" in chart.alt


def test_one_lost_seed_of_three_leaves_the_median_and_is_marked():
    chart = maps.rate_sensitivity(frame([(1e-3, 3.0), (1e-2, 2.5), (1e-2, 2.7), (1e-2, math.nan)]))
    assert lines(chart, "o") == [[(1e-3, 3.0), (1e-2, 2.7)]] and [c[0][0] for c in lines(chart, "x")] == [1e-2]


def test_lines_that_are_all_finite_have_no_cross():
    chart = maps.rate_sensitivity(frame([(1e-3, 3.0), (1e-2, 2.5)]))
    assert lines(chart, "x") == [] and "not finite" not in chart.alt


def test_names_at_the_ends_of_lines_do_not_lie_on_each_other():
    ends = [(1e-3, 3.0), (1e-2, 2.5), (1e-3, 3.0), (1e-2, 2.501), (1e-3, 3.0), (1e-2, 2.502)]
    chart = maps.rate_sensitivity(frame(ends, width=[16, 16, 32, 32, 64, 64]), "width")
    chart.png()
    boxes = sorted((text.get_window_extent() for text in chart.figure.axes[0].texts), key=lambda box: box.y0)
    assert len(boxes) == 3 and all(low.y1 <= high.y0 + 1 for low, high in itertools.pairwise(boxes))


def test_a_map_says_what_a_share_in_a_cell_means_and_only_then():
    mixed = frame([(1e-3, 3.0), (1e-3, 2.0)], width=[16, 16], verdict=["trained", "stuck"])
    for table, said in ((mixed, True), (mixed[:1], False)):
        legend = maps.verdict_map(table, "lr", "width").figure.axes[0].get_legend()
        assert any("of two runs one" in text.get_text() for text in legend.get_texts()) is said
