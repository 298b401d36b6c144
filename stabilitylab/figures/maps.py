"""Figures of many runs at once, from a table with one row a run: the end against the rate, and a map of verdicts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from stabilitylab.figures.plots import COLORS, GREEN, ORANGE, PURPLE, SKY, VERMILION, Chart, new_figure
from stabilitylab.training.diagnosis import Verdict

if TYPE_CHECKING:
    import pandas

VERDICT_COLORS: dict[str, str] = {
    Verdict.TRAINED: GREEN,
    Verdict.RECOVERED: SKY,
    Verdict.STUCK: ORANGE,
    Verdict.CRAWLING: "#F0E442",
    Verdict.DAMAGED: PURPLE,
    Verdict.DIVERGED: VERMILION,
    Verdict.NONFINITE: VERMILION,
}
"""What a cell of a map is filled with; verdicts not listed are grey."""

OTHER = "0.75"


def rate_sensitivity(frame: pandas.DataFrame, by: str | None = None, value: str = "final_loss", title: str = "") -> Chart:
    """The end of a run against its learning rate: the median over seeds, and a band from the lowest to the highest.

    Args:
        frame: one row a run, with the columns ``lr``, ``value`` and ``by``.
        by: one line for each of its values, named at its end; default one line.
        value: drawn upwards, default the final loss in nats per byte. What is far above the others ends at the top. A rate at
            which a run was not finite has a cross there, and no median if half of its runs were not.
        title: of the figure.

    Raises:
        ValueError: if a column is missing, or there are more lines than colours.
    """
    _want(frame, ["lr", value, *([by] if by else [])])
    groups = dict(list(frame.groupby(by, sort=True))) if by else {"": frame}
    if len(groups) > len(COLORS):
        raise ValueError(f"by is {by!r}, which has {len(groups)} values; {len(COLORS)} lines can be told apart")
    figure, (axis,) = new_figure(1, 3.8)
    top = _ceiling(frame[value].to_numpy(dtype=float))
    sentences, labels = [], []
    for color, (name, group) in zip(COLORS, groups.items()):
        values = group[value].astype(float)
        ends = values.where(np.isfinite(values), math.inf).groupby(group["lr"])
        median, low, high = ends.median(), ends.min(), ends.max()
        drawn = median.where(median < math.inf).clip(upper=top)
        lost = high.index[high == math.inf]
        low, high = (bound.where(low < math.inf).clip(upper=top) for bound in (low, high))
        axis.fill_between(median.index, low, high, color=color, alpha=0.2, linewidth=0)
        axis.plot(drawn.index, drawn, color=color, marker="o", markersize=3)
        axis.plot(lost, [top] * len(lost), "x", color=color, markersize=8, markeredgewidth=2, clip_on=False)
        if by:
            kept = drawn.dropna()
            labels.append((f" {_short(by)} {name}", color, *((kept.index[-1], kept.iloc[-1]) if len(kept) else (lost[-1], top))))
        best = median.idxmin()
        line = f"{_short(by)} {name}: " if by else ""
        gone = f", not finite at {', '.join(f'{rate:g}' for rate in lost)}" if len(lost) else ""
        sentences.append(f"{line}lowest at {best:g} ({median[best]:.3g}){gone}")
    axis.plot([], [], color="0.3", marker="o", markersize=3, label="median; band: lowest to highest")
    if "not finite" in " ".join(sentences):
        axis.plot([], [], "x", color="0.3", markersize=8, markeredgewidth=2, label="not finite in some run")
    axis.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    axis.set_xscale("log")
    _label_ends(axis, labels)
    axis.set_xlabel("learning rate")
    axis.set_ylabel("loss at the end (nats per byte)" if value == "final_loss" else value.replace("_", " "))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    about = f"{title}. {value.replace('_', ' ')} against the learning rate, median over runs."
    return Chart(figure, f"{about} {'; '.join(sentences)}.")


def verdict_map(frame: pandas.DataFrame, x: str, y: str, title: str = "") -> Chart:
    """A map of two settings: each cell has the colour of the verdict that most of its runs got, and says how many did if not all.

    Args:
        frame: one row a run, with a column ``verdict``.
        x: the setting to the right.
        y: the setting upwards.
        title: of the figure.

    Raises:
        ValueError: if a column is missing.
    """
    _want(frame, [x, y, "verdict"])
    columns, rows = sorted(frame[x].unique()), sorted(frame[y].unique())
    figure, (axis,) = new_figure(1, 1.4 + 0.5 * len(rows))
    seen: dict[str, int] = {}
    mixed = False
    for (at_x, at_y), cell in frame.groupby([x, y]):
        counts = cell["verdict"].value_counts()
        verdict, share = counts.index[0], f"{counts.iloc[0]}/{len(cell)}"
        seen[verdict] = seen.get(verdict, 0) + 1
        place = columns.index(at_x), rows.index(at_y)
        axis.add_patch(_square(place, VERDICT_COLORS.get(verdict, OTHER)))
        if counts.iloc[0] < len(cell):
            mixed = True
            axis.text(*place, share, ha="center", va="center", fontsize=8)
    axis.set(xlim=(-0.5, len(columns) - 0.5), ylim=(-0.5, len(rows) - 0.5), xlabel=_short(x), ylabel=_short(y))
    axis.set_xticks(range(len(columns)), [_tick(value) for value in columns], rotation=45 if len(columns) > 8 else 0)
    axis.set_yticks(range(len(rows)), [_tick(value) for value in rows])
    for verdict in seen:
        axis.plot([], [], "s", color=VERDICT_COLORS.get(verdict, OTHER), markersize=9, label=verdict)
    if mixed:
        axis.plot([], [], " ", label="1/2: of two runs one")
    axis.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    cells = ", ".join(f"{count} {verdict}" for verdict, count in seen.items())
    return Chart(figure, f"{title}. Verdicts by {_short(x)} and {_short(y)}, the most frequent of each cell: {cells}.")


def _label_ends(axis: Axes, labels: Sequence[tuple[str, str, float, float]]) -> None:
    """Writes (text, colour, x, y) beside the ends of lines, from the lowest up, none on top of another."""
    to_points = 72 / axis.figure.dpi
    lowest = -math.inf
    for text, color, x, y in sorted(labels, key=lambda label: label[3]):
        at = axis.transData.transform((x, y))[1] * to_points
        lowest = max(at, lowest + 11)
        axis.annotate(text, (x, y), (5, lowest - at), textcoords="offset points", color=color, va="center", fontsize=9)


def _ceiling(values: np.ndarray) -> float:
    """Where the axis ends: an explosion must not flatten the valley that the figure is about."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 1.0
    return float(min(finite.max(), finite.min() + 4 * (np.median(finite) - finite.min()) + 1.0))


def _want(frame: pandas.DataFrame, columns: Sequence[str]) -> None:
    for column in columns:
        if column not in frame:
            raise ValueError(f"the table has no column {column!r}; it has {', '.join(map(str, frame.columns))}")


def _square(place: tuple[int, int], color: str) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=color, edgecolor="white", linewidth=1.5)


def _short(setting: str | None) -> str:
    return "learning rate" if setting == "lr" else (setting or "").removeprefix("model.").replace("_", " ")


def _tick(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
