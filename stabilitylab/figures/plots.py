"""Figures of runs, each with its own description in words.

Every function returns a ``Chart``: a matplotlib figure and alt text generated from the data it draws. Colours are the
Okabe-Ito palette, told apart by people with any common colour vision; the background is opaque, so that a figure reads
the same in the light and the dark theme.
"""

from __future__ import annotations

import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

from stabilitylab import workspace
from stabilitylab.training.corpus import VOCABULARY
from stabilitylab.training.diagnosis import diagnose
from stabilitylab.training.telemetry import Run

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, BLACK = COLORS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#000000",
)
"""Okabe and Ito's palette (2008), in the order the course uses it."""

AXIS_LABELS = {
    "loss": "loss (nats per byte)",
    "lr": "learning rate",
    "grad_norm": "global gradient norm",
    "clipped_norm": "norm after clipping",
    "update_ratio": "update / parameter",
    "max_attention_logit": "largest attention logit",
    "flushed_fraction": "flushed to zero",
    "nonfinite_fraction": "inf or NaN",
    "loss_scale": "loss scale",
}
LOGARITHMIC = {"grad_norm", "clipped_norm", "update_ratio", "loss_scale", "max_attention_logit"}
Series = tuple[Sequence[float], Sequence[float]]
_STYLE: Any = {
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
}
_WIDTH = 9.0  # inches
_DPI = 100
_MOST = 1e7  # the widest logarithmic axis, highest over lowest


@dataclass(frozen=True)
class Chart:
    """A figure and its description.

    Attributes:
        figure: the matplotlib figure.
        alt: what the figure shows, in words, generated from its data.
    """

    figure: Figure
    alt: str

    def png(self) -> bytes:
        """The figure as PNG, its description embedded."""
        buffer = io.BytesIO()
        self.figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Description": self.alt})
        return buffer.getvalue()

    def save(self, path: str | Path) -> None:
        """Writes the PNG; a file of that name is replaced whole or not at all."""
        workspace.write_atomically(Path(path), self.png())

    def bundle(self) -> tuple[dict, dict]:
        """Jupyter's (data, metadata) for the picture, alt text included."""
        return {"image/png": self.png(), "text/plain": self.alt}, {"image/png": {"alt": self.alt}}

    def words(self) -> str:
        """The description as HTML to unfold under the picture: JupyterLab has no alt text for images."""
        return f"<details><summary>This figure in words</summary>{html.escape(self.alt)}</details>"

    def _ipython_display_(self) -> None:
        from IPython.display import HTML, display

        data, metadata = self.bundle()
        display(data, metadata=metadata, raw=True)
        display(HTML(self.words()))


def panels(
    groups: Mapping[str, Sequence[Run]],
    columns: Sequence[str] = ("loss", "grad_norm", "lr"),
    title: str = "",
    colors: Sequence[str] = COLORS,
    smooth: int = 1,
) -> Chart:
    """Runs on aligned panels, one per measurement, sharing the step axis.

    Args:
        groups: label -> the runs drawn under it, one thin line per seed in the group's colour; at most seven groups.
        columns: measurements of ``StepRecord``, top to bottom.
        title: of the whole figure.
        colors: one per group.
        smooth: draw means of so many consecutive steps, default 1, every step; for long runs, whose noise would hide each other.

    Returns:
        A chart whose loss panel marks the uniform, unigram and bigram references, the first spike of a run (triangle) and its
        first non-finite step (cross), and whose alt text gives each group's outcome over its seeds.

    Raises:
        ValueError: if there is no run, or more groups than colours.
    """
    runs = [run for group in groups.values() for run in group]
    if not runs:
        raise ValueError("groups holds no run; pass at least one")
    if len(groups) > len(colors):
        raise ValueError(f"groups holds {len(groups)} groups; there are {len(colors)} colours to tell them apart")
    figure, axes = new_figure(len(columns), 0.9 + 1.8 * len(columns))
    for axis, column in zip(axes, columns):
        for color, (label, group) in zip(colors, groups.items()):
            for i, run in enumerate(group):
                _line(axis, run, column, color, label if i == 0 else None, thin=len(group) > 1, smooth=smooth)
        _scale(axis, column, runs)
        axis.set_ylabel(_label(column, runs))
        if column == "loss":
            _references(axis, runs[0])
            for color, group in zip(colors, groups.values()):
                for run in group:
                    _events(axis, run, color)
    axes[-1].set_xlabel("step")
    _explain_marks(axes[0])
    if len(groups) > 1 or axes[0].get_legend_handles_labels()[0][1:]:
        axes[0].legend(frameon=False, ncols=3, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    return Chart(figure, _describe(groups, columns, title))


def dots(
    groups: Mapping[str, Mapping[str, Sequence[float]]],
    ylabel: str,
    title: str = "",
    references: Mapping[str, float] | None = None,
) -> Chart:
    """One dot per seed, and a bar at the median of several: how an outcome depends on a setting.

    Args:
        groups: label -> setting -> one value per seed. Settings keep the order in which they first appear; a value that is
            not finite is drawn as a cross at the top.
        ylabel: what the values are.
        title: of the figure.
        references: label -> height of horizontal lines.
    """
    settings = list(dict.fromkeys(setting for group in groups.values() for setting in group))
    figure, (axis,) = new_figure(1, 3.8)
    finite = [v for group in groups.values() for values in group.values() for v in values if math.isfinite(v)]
    spread = 0.5 / len(groups)
    apart, wide = min(0.05, spread / 6), min(0.12, 0.45 * spread)  # equal values side by side, within their group's place
    above = max(finite, default=1.0) + 0.06 * (max(finite, default=1.0) - min(finite, default=0.0))
    sentences = []
    for g, (color, (label, group)) in enumerate(zip(COLORS, groups.items())):
        offset = (g - (len(groups) - 1) / 2) * spread
        for setting, values in group.items():
            good = [v for v in values if math.isfinite(v)]
            x = settings.index(setting) + offset
            beside = x + apart * (np.arange(len(values)) % 5 - (min(5, len(values)) - 1) / 2)
            missing = len(values) - len(good)
            axis.plot(beside[: len(good)], good, "o", color=color, alpha=0.75, markersize=4.5)
            axis.plot(beside[:missing], [above] * missing, "x", color=color, markersize=7)
            if len(values) > 1 and good:
                axis.plot([x - wide, x + wide], [np.median(good)] * 2, color=color, linewidth=2)
            sentences.append(f"{label}, {setting}: {_spread(values)}")
        axis.plot([], [], "o", color=color, label=label)
    axis.set_xticks(range(len(settings)), settings)
    axis.set_xlim(-0.5, len(settings) - 0.5)
    for name, height in (references or {}).items():
        _reference(axis, name, height)
    axis.set_ylabel(ylabel)
    if len(groups) > 1:
        axis.legend(frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    return Chart(figure, f"{title}. {ylabel}, one dot per seed. " + "; ".join(sentences) + ".")


def lines(
    groups: Mapping[str, Sequence[Series]],
    xlabel: str,
    ylabel: str,
    title: str = "",
    logarithmic: bool = False,
    colors: Sequence[str] = COLORS,
    logarithmic_x: bool = False,
    references: Mapping[str, float] | None = None,
    each: str = "seed",
) -> Chart:
    """One thin line per seed, in its group's colour.

    Args:
        groups: label -> one (x values, y values) pair per seed.
        xlabel: what the x values are.
        ylabel: what the y values are.
        title: of the figure.
        logarithmic: whether the y axis is.
        colors: one per group.
        logarithmic_x: whether the x axis is.
        references: label -> height of horizontal lines.
        each: what one line stands for, for the description.
    """
    figure, (axis,) = new_figure(1, 3.4)
    sentences = []
    for color, (label, group) in zip(colors, groups.items()):
        for i, (x, y) in enumerate(group):
            axis.plot(x, y, color=color, linewidth=1.2, alpha=0.8, label=label if i == 0 else None)
        first, last = _spread([y[0] for _, y in group]), _spread([y[-1] for _, y in group])
        every = [value for _, y in group for value in y]
        sentences.append(f"{label}: from {first} to {last}, in all {_spread(every)}")
    if logarithmic:
        axis.set_yscale("log")
        _name_ticks(axis.yaxis)
    if logarithmic_x:
        axis.set_xscale("log")
        _name_ticks(axis.xaxis)
    for name, height in (references or {}).items():
        _reference(axis, name, height)
    axis.set_xlabel(xlabel)
    axis.set_ylabel(ylabel)
    axis.legend(frameon=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    meaning = f", one line per {each}" if any(len(group) > 1 for group in groups.values()) else ""
    return Chart(figure, f"{title}. {ylabel} by {xlabel}{meaning}. " + "; ".join(sentences) + ".")


def _label(column: str, runs: Sequence[Run]) -> str:
    label = AXIS_LABELS.get(column, column.replace("_", " "))
    return label if all(run.vocabulary == VOCABULARY for run in runs) else label.replace("per byte", "per token")


def new_figure(rows: int, height: float) -> tuple[Figure, list[Axes]]:
    """A figure in the course's style, so many inches high, and its axes from top to bottom."""
    with matplotlib.rc_context(_STYLE):
        # Figure, not pyplot: a figure that pyplot does not know is drawn once, where it is returned, and never leaks
        figure = Figure(figsize=(_WIDTH, height), layout="constrained", facecolor="white")
        axes = figure.subplots(rows, 1, squeeze=False, sharex=True)
    return figure, list(axes.flat)


def _line(axis: Axes, run: Run, column: str, color: str, label: str | None, thin: bool, smooth: int) -> None:
    steps, values = np.array(run.column("step"), dtype=float), np.array(run.column(column), dtype=float)
    values[~np.isfinite(values)] = np.nan
    if smooth > 1:
        kept = len(values) // smooth * smooth
        steps, values = (x[:kept].reshape(-1, smooth).mean(axis=1) for x in (steps, values))
    axis.plot(steps, values, color=color, linewidth=0.9 if thin else 1.6, alpha=0.7 if thin else 1.0, label=label)


def _events(axis: Axes, run: Run, color: str) -> None:
    """Marks the first spike and the last finite loss before a non-finite step, at the edge of the axis if they lie beyond it."""
    diagnosis = diagnose(run)
    low, high = axis.get_ylim()
    steps, losses = run.column("step"), run.column("loss")
    if diagnosis.spikes:
        spike = steps.index(diagnosis.spikes[0])
        axis.plot(steps[spike], np.clip(losses[spike], low, high), "v", color=color, markersize=6, clip_on=False)
    if diagnosis.nonfinite_at is not None:
        last = max((i for i, loss in enumerate(losses) if math.isfinite(loss)), default=None)
        if last is not None:
            axis.plot(
                steps[last], np.clip(losses[last], low, high), "x", color=color, markersize=8, markeredgewidth=2, clip_on=False
            )


def _explain_marks(axis: Axes) -> None:
    """Adds to the legend what the marks mean that were drawn on an axis."""
    drawn = {line.get_marker() for line in axis.lines}
    for mark, meaning in (("v", "first spike"), ("x", "last finite loss")):
        if mark in drawn:
            axis.plot([], [], mark, color="0.3", label=meaning)


def _scale(axis: Axes, column: str, runs: Sequence[Run]) -> None:
    """An axis over the values that matter: neither an explosion nor one spike may flatten what else there is to see."""
    values = np.array([v for run in runs for v in run.column(column)], dtype=float)
    if column == "lr":
        values = values[np.isfinite(values)]
        if not len(values):
            return
        axis.set_ylim(min(0.0, values.min() * 1.15), max(0.0, values.max() * 1.15) or None)
        return
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return
    if column == "loss" and values.max() <= 30:
        start, end = max(run.records[0].loss for run in runs), max(run.records[-1].loss for run in runs)
        # a spike beyond it is marked at the edge
        axis.set_ylim(top=min(axis.get_ylim()[1], max(1.3 * start, 1.1 * end)))
    elif column in ("loss", "grad_norm", "clipped_norm"):
        axis.set_yscale("log")
        axis.set_ylim(values.min() * 0.7, min(values.max() * 1.4, values.min() * _MOST))
        _name_ticks(axis.yaxis)
    elif column in LOGARITHMIC:
        axis.set_yscale("log")
        axis.set_ylim(max(values.min() * 0.7, values.max() / _MOST), values.max() * 1.4)
        _name_ticks(axis.yaxis)


def _name_ticks(axis: Axis) -> None:
    """Names 2 and 5 too on a logarithmic axis of less than two decades, where the powers of ten alone say little."""
    low, high = axis.get_view_interval()
    if high / low < 100:
        axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
        for name in (axis.set_major_formatter, axis.set_minor_formatter):
            name(FuncFormatter(lambda value, _: f"{value:g}"))


def _references(axis: Axes, run: Run) -> None:
    low, high = axis.get_ylim()
    lines = [("uniform guess", run.uniform), ("unigram", run.unigram), ("bigram", run.bigram)]
    if axis.get_yscale() == "log":
        lines = lines[1:2]  # over many decades the three would lie on top of each other
    for name, height in lines:
        if low < height < high:
            _reference(axis, name, height)


def _reference(axis: Axes, name: str, height: float) -> None:
    axis.axhline(height, color="0.45", linewidth=0.9, linestyle="--", zorder=0)
    axis.text(
        0.995,
        height,
        name,
        transform=axis.get_yaxis_transform(),
        ha="right",
        va="center",
        color="0.2",
        fontsize=8,
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1},
    )


def _describe(groups: Mapping[str, Sequence[Run]], columns: Sequence[str], title: str) -> str:
    sentences = [f"{title}." if title else "Training runs."]
    runs = [run for group in groups.values() for run in group]
    sentences.append(f"Panels over steps: {', '.join(_label(c, runs) for c in columns)}.")
    for label, group in groups.items():
        diagnoses = [diagnose(run) for run in group]
        counts = {d.verdict.value: sum(e.verdict == d.verdict for e in diagnoses) for d in diagnoses}
        outcome = ", ".join(
            f"{verdict} ({count} of {len(group)} seeds)" if len(group) > 1 else verdict for verdict, count in counts.items()
        )
        starts = _spread([run.records[0].loss for run in group])
        peaks = _spread([max(run.column("loss")) for run in group])
        ends = _spread([d.final_loss for d in diagnoses])
        sentences.append(f"{label}: {outcome}; loss starts at {starts}, is at most {peaks}, ends at {ends}.")
    return " ".join(sentences)


def _spread(values: Sequence[float]) -> str:
    finite = [v for v in values if math.isfinite(v)]
    if not finite:
        return "not finite"
    low, high = f"{min(finite):.3g}", f"{max(finite):.3g}"
    text = low if low == high else f"{low} to {high}"
    return text if len(finite) == len(values) else f"{text} ({len(values) - len(finite)} not finite)"
