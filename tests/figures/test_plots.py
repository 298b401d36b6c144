import io

import pytest
from PIL import Image

from stabilitylab.figures import plots
from tests.training.test_diagnosis import TRAINED, fall, run, with_spike


def test_alt_text_tells_the_outcome_and_its_spread():
    chart = plots.panels(
        {"warm": [run(TRAINED), run(fall(5.6, 2.8, 200))], "hot": [run(fall(5.6, 3.25, 200))]}, ("loss",), title="Two arms"
    )
    assert "Two arms" in chart.alt
    assert "warm: trained (2 of 2 seeds)" in chart.alt and "ends at 2.6 to 2.8" in chart.alt
    assert "hot: stuck at the unigram plateau" in chart.alt


def test_the_png_is_opaque_and_carries_its_description(tmp_path):
    chart = plots.panels({"a": [run(TRAINED)]})
    chart.save(tmp_path / "figure.png")
    image = Image.open(tmp_path / "figure.png")
    assert image.info["Description"] == chart.alt
    assert image.convert("RGBA").getpixel((2, 2)) == (255, 255, 255, 255)
    assert [p.name for p in tmp_path.iterdir()] == ["figure.png"]  # no temporary file stays


def test_the_notebook_gets_alt_text_and_words_that_are_escaped():
    chart = plots.panels({"<b>bold</b>": [run(TRAINED)]})
    data, metadata = chart.bundle()
    assert Image.open(io.BytesIO(data["image/png"])).width > 300
    assert metadata["image/png"]["alt"] == chart.alt == data["text/plain"]
    assert "<b>" not in chart.words()


def test_an_explosion_does_not_flatten_what_came_before_it():
    exploded = run([9.0, 62.0, 500.0] + [10.0**k for k in range(4, 16)])
    axis = plots.panels({"x": [exploded]}, ("loss",)).figure.axes[0]
    assert axis.get_yscale() == "log"
    low, high = axis.get_ylim()
    assert low < 9.0 and high < 1e9


def test_spikes_and_nonfinite_steps_are_marked():
    def markers(losses):
        axis = plots.panels({"x": [run(losses)]}, ("loss",)).figure.axes[0]
        return {line.get_marker() for line in axis.lines} & {"v", "x"}

    assert markers(TRAINED) == set()
    assert markers(with_spike(TRAINED, 100, 3.0)) == {"v"}
    assert markers([5.6, 5.5, float("nan")]) == {"x"}


def test_any_measurement_can_be_drawn():
    chart = plots.panels({"a": [run(TRAINED)]}, ("tokens", "max_attention_logit"))
    assert [axis.get_ylabel() for axis in chart.figure.axes] == ["tokens", "largest attention logit"]


def test_dots_of_runs_that_all_died_can_be_drawn():
    assert "not finite" in plots.dots({"lr": {"1": [float("nan")]}}, "final loss").alt


def test_dots_put_values_that_are_not_finite_into_words():
    chart = plots.dots({"lr": {"1e-3": [2.5, 2.6], "1": [float("nan"), 9.0]}}, "final loss", references={"unigram": 3.26})
    assert "lr, 1e-3: 2.5 to 2.6" in chart.alt and "lr, 1: 9 (1 not finite)" in chart.alt


def test_impossible_figures_are_refused():
    with pytest.raises(ValueError, match="no run"):
        plots.panels({})
    with pytest.raises(ValueError, match="a record holds"):
        plots.panels({"a": [run(TRAINED)]}, ("lost",))
    with pytest.raises(ValueError, match="8 groups"):
        plots.panels({str(k): [run(TRAINED)] for k in range(8)})


def test_the_words_under_lines_tell_of_a_spike_in_the_middle_and_what_a_line_stands_for():
    chart = plots.lines({"a": [((0, 1, 2), (1.0, 9.0, 2.0))] * 2}, "step", "loss", each="matrix")
    assert "from 1 to 2, in all 1 to 9" in chart.alt and "one line per matrix" in chart.alt


def test_values_that_are_not_finite_stand_above_all_dots_side_by_side():
    axis = plots.dots({"a": {"x": [1.0, 3.0, float("nan"), float("inf")]}}, "loss").figure.axes[0]
    (crosses,) = (line for line in axis.lines if line.get_marker() == "x" and len(line.get_xdata()))
    assert min(crosses.get_ydata()) > 3.0 and len(set(crosses.get_xdata())) == 2
