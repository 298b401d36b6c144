import threading

import ipywidgets as widgets
import pytest

from stabilitylab.figures import live, plots
from stabilitylab.figures.live import Panel
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig

TINY = RunConfig(model=ModelConfig(layers=1, width=16, heads=2, context=16), steps=30, batch_size=4)


@pytest.fixture
def shown(monkeypatch):
    """What a cell displays, as (data, options), instead of a notebook."""
    seen = []

    class Handle:
        def update(self, data, **options):
            seen.append((data, options))

    def display(data, **options):
        seen.append((data, options))
        return Handle()

    monkeypatch.setattr(live, "display", display)
    return seen


def press(button):
    """Clicks a button and waits until the training thread it may have started is done."""
    button.click()
    for thread in threading.enumerate():
        if "_train" in thread.name:
            thread.join()


def test_showing_a_panel_trains_once_and_leaves_one_figure(shown):
    panel = live.panel(TINY)
    assert len(panel.run.records) == 30
    assert "Verdict" in panel.status.value
    pictures = [data for data, _ in shown if isinstance(data, dict) and "image/png" in data]
    assert len(pictures) == 1
    assert shown[0][0]["text/plain"] == live.STATIC_FALLBACK
    assert list(panel.curves[0].line.x) == list(range(30))
    assert panel.progress.value == panel.progress.max == 30


def test_run_trains_with_what_the_controls_say(shown):
    panel = live.panel(TINY)
    panel.controls["lr"].value = 0.1
    panel.controls["model__norm"].value = "none"
    panel.controls["clip_norm"].value = 1.0
    panel.controls["steps"].value = 40
    press(panel.run_button)
    config = panel.run.config
    assert (config["lr"], config["model"]["norm"], config["clip_norm"], len(panel.run.records)) == (0.1, "none", 1.0, 40)


def test_impossible_settings_get_a_sentence_and_no_traceback(shown):
    panel = live.panel(TINY)
    before = panel.run
    panel.controls["warmup_steps"].value = 200
    press(panel.run_button)
    assert "warmup_steps is 200" in panel.status.value and "cannot run" in panel.status.value
    assert panel.run is before and not panel.run_button.disabled


def test_stop_ends_a_run_after_the_step_it_is_in(shown):
    panel = Panel(TINY)
    draw = panel._draw

    def press_stop_at_the_first_redraw(records, config):
        draw(records, config)
        panel.stop_button.click()

    panel._draw = press_stop_at_the_first_redraw
    panel.show()
    assert len(panel.run.records) < 30
    assert "Stopped" in panel.status.value and panel.stop_button.disabled


def test_an_interrupted_cell_keeps_what_it_has(shown):
    panel = Panel(TINY)

    def interrupt(records, config):
        raise KeyboardInterrupt

    panel._draw = interrupt
    panel.show()
    assert "Interrupted" in panel.status.value and len(panel.run.records) == 1


def test_pin_keeps_a_ghost_and_reset_takes_everything_back(shown):
    panel = live.panel(TINY)
    pinned = list(panel.curves[0].line.y)
    panel.pin_button.click()
    panel.controls["seed"].value = 3
    press(panel.run_button)
    assert list(panel.curves[0].ghost.y) == pinned != list(panel.curves[0].line.y)
    assert any("pinned run" in data["text/plain"] for data, _ in shown if isinstance(data, dict) and "image/png" in data)
    panel.reset_button.click()
    assert panel.controls["seed"].value == 0 and len(panel.curves[0].line.x) == len(panel.curves[0].ghost.x) == 0
    assert panel.run.config["seed"] == 3, "the cells below the panel go on with the last run"


def test_an_explosion_is_drawn_without_the_numbers_a_browser_cannot_show(shown):
    panel = live.panel(TINY.replace(optimizer="sgd", lr=1.0, clip_norm=None, model__norm="none", model__init_gain=30.0))
    import numpy as np

    assert all(np.isfinite(curve.line.y).all() for curve in panel.curves)


def test_only_known_controls_can_be_asked_for():
    assert set(Panel(TINY, controls=["lr", "seed"]).controls) == {"lr", "seed"}
    with pytest.raises(ValueError, match="'dropout'"):
        Panel(TINY, controls=["lr", "dropout"])


def test_a_panel_trains_what_it_is_given_and_moves_the_curves_it_is_asked_for(shown):
    used = []

    def trainer(config):
        used.append(config.loss_scale)
        return Trainer(config)

    panel = live.panel(TINY.replace(dtype="fp16"), ["loss_scale"], curves=("loss", "flushed_fraction"), trainer=trainer)
    assert [curve.column for curve in panel.curves] == ["loss", "flushed_fraction"]
    panel.controls["loss_scale"].value = 1024.0
    press(panel.run_button)
    assert used == [1.0, 1024.0]
    with pytest.raises(ValueError, match="'temperature'"):
        Panel(TINY, curves=("temperature",))


def test_bad_batches_can_be_switched_off(shown):
    config = TINY.replace(injections=(Injection("repeated_byte", (4, 5)),))
    panel = Panel(config, controls=["injections"])
    assert [label for label, _ in panel.controls["injections"].options] == ["none", "2, from step 4"]
    panel.controls["injections"].value = ()
    assert panel.settings().injections == ()


def test_exploring_draws_again_with_what_the_sliders_say(shown, monkeypatch):
    drawn = []

    def draw(lr, shape):
        drawn.append((lr, shape))
        return plots.lines({"a line": [((0, 1), (0, lr))]}, "x", "y", title=shape)

    sliders = []
    monkeypatch.setattr(live.widgets, "VBox", lambda boxes: sliders.extend(boxes) or widgets.HTML())
    live.explore(draw, lr=(0.1, 1.0), shape={"a cosine": "cosine", "a line": "linear"})
    assert drawn == [(0.1, "cosine")]
    sliders[1].value = "linear"
    assert drawn[-1] == (0.1, "linear")
    pictures = [data for data, _ in shown if isinstance(data, dict) and "image/png" in data]
    assert len(pictures) == 2 and pictures[-1]["text/plain"].startswith("linear")
