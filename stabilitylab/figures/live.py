"""The live panel: controls over a real training run, curves that move while it trains, and a Stop that stops.

``panel(config)`` runs once, in the cell, with the settings given, so that a notebook executed without a person shows
a finished run and never hangs. After that the Run button trains again in a thread, as often as asked. While the cell
itself is running, JupyterLab delivers button presses through a kernel subshell, which is why ``constraints.txt`` pins
ipykernel: in some later versions Stop never reaches a running cell.

Curves are drawn by bqplot in the browser (about 1 ms of kernel time a redraw); widgets are blank on code hosts and in
static HTML, so one plain figure is left under the panel when a run ends.
"""

from __future__ import annotations

import html
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import bqplot
import ipywidgets as widgets
import numpy as np
from IPython.display import HTML, display
from matplotlib.ticker import MaxNLocator

from stabilitylab.figures import plots
from stabilitylab.figures.controls import describe, made_for, settings
from stabilitylab.training import corpus
from stabilitylab.training.config import RunConfig
from stabilitylab.training.diagnosis import UNIFORM, diagnose
from stabilitylab.training.loop import Trainer
from stabilitylab.training.telemetry import Run, StepRecord

Item = TypeVar("Item")
REDRAW_SECONDS = 0.08  # twelve redraws a second at most: smooth to the eye
DRAWING_SHARE = 0.1  # of the time, at most: the longer a curve, the longer it takes to draw
CURVES = ("loss", "grad_norm", "lr")
LINEAR = {"lr", "flushed_fraction", "nonfinite_fraction"}
STATIC_FALLBACK = "[A live panel with sliders is here when this notebook is opened in JupyterLab.]"
_TEXT = "var(--jp-ui-font-color1)"  # JupyterLab's text colour, in either theme
_GREY = "#888888"  # legible on white and on JupyterLab's dark background


class _Curve:
    """One moving plot: the run, the pinned run behind it, and horizontal reference lines with their names."""

    def __init__(self, column: str, color: str, references: dict[str, float]):
        self.column = column
        self.logarithmic = column not in LINEAR
        self.steps = bqplot.LinearScale(min=0.0, max=1.0)
        self.values = bqplot.LogScale(min=0.1, max=10.0) if self.logarithmic else bqplot.LinearScale(min=0.0, max=1.0)
        scales = {"x": self.steps, "y": self.values}
        self.line = bqplot.Lines(x=[], y=[], scales=scales, colors=[color], stroke_width=2)
        self.ghost = bqplot.Lines(x=[], y=[], scales=scales, colors=[_GREY], opacities=[0.8], stroke_width=1.5)
        self.heights = list(references.values())
        grey = {"scales": scales, "colors": [_GREY]}
        self.references = [
            bqplot.Lines(x=[0.0, 1.0], y=[h, h], stroke_width=1, line_style="dotted", **grey) for h in self.heights
        ]
        self.names = bqplot.Label(
            x=[1.0] * len(references),
            y=self.heights,
            text=list(references),
            default_size=11,
            align="end",
            y_offset=-4,
            font_weight="normal",
            **grey,
        )
        axes = [
            bqplot.Axis(scale=self.steps, label="step", label_color=_TEXT, grid_lines="none"),
            bqplot.Axis(
                scale=self.values, orientation="vertical", tick_format="~g" if self.logarithmic else ".2~e", grid_lines="none"
            ),
        ]
        self.step_axis = axes[0]
        self.figure = bqplot.Figure(
            marks=[*self.references, *([self.names] if references else []), self.ghost, self.line],
            axes=axes,
            title=plots.AXIS_LABELS[column],
            title_style={"fill": _TEXT, "font-size": "14px"},
            fig_margin={"top": 34, "bottom": 40, "left": 52, "right": 14},
            padding_x=0.0,
            padding_y=0.0,
            animation_duration=0,
            layout=widgets.Layout(width="100%", height="250px", min_width="220px"),
        )

    def span(self, steps: int) -> None:
        """Sets the step axis to 0..steps."""
        self.steps.max = float(steps)
        self.step_axis.tick_values = [tick for tick in MaxNLocator(4, integer=True).tick_values(0, steps) if tick <= steps]
        for reference in self.references:
            reference.x = [0.0, float(steps)]
        self.names.x = [float(steps)] * len(self.heights)

    def draw(self, records: Sequence[StepRecord]) -> None:
        points = [(record.step, getattr(record, self.column)) for record in records]
        # a log scale cannot show 0, and a browser cannot show inf: such points are left out of the moving curve
        points = [(x, y) for x, y in points if np.isfinite(y) and (y > 0 or not self.logarithmic)]
        with self.line.hold_sync():
            self.line.x = np.array([x for x, _ in points], dtype="float32")
            self.line.y = np.array([y for _, y in points], dtype="float64")
        self._fit()

    def pin(self) -> None:
        """Keeps the present line as the ghost."""
        with self.ghost.hold_sync():
            self.ghost.x, self.ghost.y = self.line.x, self.line.y

    def clear(self) -> None:
        """Removes the line and the ghost."""
        for line in (self.line, self.ghost):
            with line.hold_sync():
                line.x, line.y = [], []

    def _fit(self) -> None:
        """Sets the value axis to hold both lines and the references, which an empty log scale cannot do by itself."""
        seen = [*self.heights, *self.line.y, *self.ghost.y]
        if not seen:
            return
        low, high = min(seen), max(seen)
        with self.values.hold_sync():
            if self.logarithmic:
                self.values.min, self.values.max = float(low / 1.15), float(high * 1.15)
            else:
                self.values.max = float(high * 1.05) or 1.0


class Panel:
    """The widgets of one live panel and the run behind them; ``panel`` shows one.

    Args:
        config: the settings it starts with, to which Reset returns.
        controls: the settings a person may change, default those every run has.
        curves: the measurements of ``StepRecord`` that move, default loss, gradient norm and learning rate.
        trainer: from the settings chosen to a training run, default ``Trainer`` itself; for a run in which a part of the loop
            is replaced, such as ``lambda config: Trainer(config, clip=clip_grad_value_)``.

    Raises:
        ValueError: if a control or a curve is unknown.
    """

    def __init__(
        self,
        config: RunConfig,
        controls: Sequence[str] | None = None,
        curves: Sequence[str] = CURVES,
        trainer: Callable[[RunConfig], Trainer] = Trainer,
    ):
        self.config = config
        self._trainer = trainer
        if unmeasured := [column for column in curves if column not in plots.AXIS_LABELS]:
            raise ValueError(f"curves holds {unmeasured[0]!r}; choose from {', '.join(plots.AXIS_LABELS)}")
        self.controls = made_for(config, controls)
        self.defaults = {name: control.value for name, control in self.controls.items()}
        self.run: Run | None = None
        self.pinned: Run | None = None
        self._stop = threading.Event()
        self._busy = threading.Lock()
        self._picture = self._words = None

        text = corpus.load(config.text)
        references = {"uniform guess": UNIFORM, "unigram": text.unigram_entropy, "bigram": text.bigram_entropy}
        self.curves = [
            _Curve(column, color, references if column == "loss" else {}) for column, color in zip(curves, plots.COLORS)
        ]
        self.run_button = widgets.Button(
            description="Run", icon="play", button_style="primary", tooltip="Train with these settings"
        )
        self.stop_button = widgets.Button(description="Stop", icon="stop", disabled=True, tooltip="Stop after this step")
        self.pin_button = widgets.Button(
            description="Pin", icon="thumb-tack", disabled=True, tooltip="Keep this run as a grey ghost to compare with"
        )
        self.reset_button = widgets.Button(description="Reset", icon="undo", tooltip="Back to the settings this panel began with")
        self.progress = widgets.IntProgress(min=0, max=config.steps, layout=widgets.Layout(width="200px"))
        self.status = widgets.HTML()
        self.run_button.on_click(lambda _: self._run_in_thread())
        self.stop_button.on_click(lambda _: self._stop.set())
        self.pin_button.on_click(lambda _: self._pin())
        self.reset_button.on_click(lambda _: self._reset())
        buttons = [self.run_button, self.stop_button, self.pin_button, self.reset_button, self.progress]
        columns = "repeat(auto-fill, minmax(340px, 1fr))"
        self.widget = widgets.VBox(
            [
                widgets.GridBox(list(self.controls.values()), layout=widgets.Layout(grid_template_columns=columns)),
                widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap", align_items="center")),
                self.status,
                widgets.GridBox(
                    [curve.figure for curve in self.curves],
                    layout=widgets.Layout(grid_template_columns="repeat(auto-fit, minmax(230px, 1fr))"),
                ),
            ]
        )
        self.widget.add_class("stability-panel")

    def show(self) -> None:
        """Displays the panel, trains once with its settings in this cell, and leaves a plain figure under it."""
        data = self.widget._repr_mimebundle_()
        data["text/plain"] = STATIC_FALLBACK
        display(data, raw=True)
        self._train()

    def settings(self) -> RunConfig:
        """The config that the controls now describe.

        Raises:
            ValueError: if these settings cannot be trained, in one sentence.
        """
        return settings(self.controls, self.config)

    def _run_in_thread(self) -> None:
        threading.Thread(target=self._train, daemon=True).start()

    def _train(self) -> None:
        if not self._busy.acquire(blocking=False):
            return  # pressed twice: the run that is under way goes on
        records: list[StepRecord] = []
        ending = "Done"
        self._stop.clear()
        try:
            config = self.settings()
            trainer = self._trainer(config)
        except ValueError as error:
            self._say(f"These settings cannot run: {error}.", "warning")
            self._busy.release()
            return
        self._running(True, config.steps)
        next_redraw = 0.0
        try:
            for record in trainer.steps():
                records.append(record)
                if (begun := time.monotonic()) >= next_redraw:
                    self._draw(records, config)
                    next_redraw = begun + max(REDRAW_SECONDS, (time.monotonic() - begun) / DRAWING_SHARE)
                if self._stop.is_set():
                    ending = "Stopped"
                    break
        except KeyboardInterrupt:
            ending = "Interrupted"
        finally:
            try:
                if records:
                    self._finish(trainer.result(records, label="this run"), ending)
            finally:
                self._running(False, config.steps)
                self._busy.release()

    def _draw(self, records: Sequence[StepRecord], config: RunConfig) -> None:
        for curve in self.curves:
            curve.draw(records)
        last = records[-1]
        self.progress.value = len(records)
        self._say(
            f"Step {last.step + 1} of {config.steps}: loss {last.loss:.3g}, gradient norm {last.grad_norm:.3g}, LR {last.lr:.2g}."
        )

    def _finish(self, run: Run, ending: str) -> None:
        self.run = run
        for curve in self.curves:
            curve.draw(run.records)
        self.progress.value = len(run.records)
        diagnosis = diagnose(run)
        took = f"{ending} after {len(run.records)} steps in {run.records[-1].seconds:.1f} s."
        mood = "ok" if diagnosis.learned else "warning"
        self._say(f"{diagnosis.reason} {took}", mood, lead=f"Verdict: {diagnosis.verdict}.")
        groups = {"this run": [run]} | ({"pinned run": [self.pinned]} if self.pinned else {})
        chart = plots.panels(
            groups,
            [curve.column for curve in self.curves],
            title=f"{diagnosis.verdict.capitalize()}: {describe(RunConfig.from_dict(run.config))}",
        )
        data, metadata = chart.bundle()
        if self._picture is None:
            self._picture = display(data, metadata=metadata, raw=True, display_id=True)
            self._words = display(HTML(chart.words()), display_id=True)
        else:
            self._picture.update(data, metadata=metadata, raw=True)
            self._words.update(HTML(chart.words()))

    def _running(self, running: bool, steps: int) -> None:
        self.run_button.disabled = running
        self.reset_button.disabled = running
        self.pin_button.disabled = running or self.run is None
        self.stop_button.disabled = not running
        self.stop_button.button_style = "danger" if running else ""
        if running:
            self.progress.max, self.progress.value = steps, 0
            longest = max(steps, len(self.pinned.records) if self.pinned else 0)
            for curve in self.curves:
                curve.span(longest)
                curve.draw([])

    def _pin(self) -> None:
        if self.run is None:
            return
        self.pinned = self.run
        for curve in self.curves:
            curve.pin()
        self._say(f"Pinned ({describe(RunConfig.from_dict(self.run.config))}). Change a setting and press Run to compare.")

    def _reset(self) -> None:
        for name, control in self.controls.items():
            control.value = self.defaults[name]
        self.pinned = None  # the last run stays, for the cells below the panel
        self.pin_button.disabled = True
        self.progress.value = 0
        for curve in self.curves:
            curve.clear()
        self._say("Settings are back where they began. Press Run.")

    def _say(self, message: str, mood: str = "", lead: str = "") -> None:
        bar = {"ok": plots.GREEN, "warning": plots.VERMILION, "": _GREY}[mood]
        style = f"border-left:4px solid {bar};padding:2px 8px;color:{_TEXT}"
        self.status.value = f'<div role="status" style="{style}"><b>{html.escape(lead)}</b> {html.escape(message)}</div>'


def panel(config: RunConfig, controls: Sequence[str] | None = None, **options: Any) -> Panel:
    """Shows a live panel and trains once. See ``Panel`` for the arguments.

    Returns:
        The panel, whose ``run`` is the last run.
    """
    made = Panel(config, controls, **options)
    made.show()
    return made


def explore(draw: Callable[..., plots.Chart], **sliders: Mapping[Any, Any] | Sequence[Any]) -> None:
    """Shows a chart that is drawn again whenever a slider under it is moved.

    Args:
        draw: called with one keyword argument per slider; what it draws should take well under a second.
        sliders: the values each argument may have, from left to right; a mapping gives them names. Each slider begins at the
            first.
    """
    controls = {
        name: widgets.SelectionSlider(
            options=list(values.items())
            if isinstance(values, Mapping)
            else [(f"{v:g}" if isinstance(v, float) else str(v), v) for v in values],
            description=name.replace("_", " "),
            continuous_update=False,
            style={"description_width": "10em"},
            layout=widgets.Layout(width="min(100%, 560px)"),
        )
        for name, values in sliders.items()
    }
    data = widgets.VBox(list(controls.values()))._repr_mimebundle_()
    data["text/plain"] = "[Sliders are here when this notebook is opened in JupyterLab: " + ", ".join(controls) + ".]"
    display(data, raw=True)

    def drawn() -> plots.Chart:
        return draw(**{name: control.value for name, control in controls.items()})

    chart = drawn()
    picture, metadata = chart.bundle()
    shown = display(picture, metadata=metadata, raw=True, display_id=True)
    words = display(HTML(chart.words()), display_id=True)

    def redraw(_: Any) -> None:
        chart = drawn()
        picture, metadata = chart.bundle()
        shown.update(picture, metadata=metadata, raw=True)
        words.update(HTML(chart.words()))

    for control in controls.values():
        control.observe(redraw, names="value")


def track(items: Sequence[Item], label: str) -> Iterator[Item]:
    """Yields the items one by one, with a progress bar in the notebook that is gone from the finished cell."""
    bar = widgets.IntProgress(
        max=len(items), description=label, style={"description_width": "initial"}, layout=widgets.Layout(width="400px")
    )
    handle = display(bar, display_id=True)
    for item in items:
        yield item
        bar.value += 1
    handle.update(HTML(""))
