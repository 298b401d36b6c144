"""Which numbers a precision can hold, drawn: one number among its neighbours, or a crowd of gradients over the range.

Everything is read off the bit patterns of the precision itself: positive floating-point numbers are in the order of their
bits, so that the next larger number is one bit pattern further on.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from stabilitylab.figures.plots import BLACK, BLUE, COLORS, GREEN, ORANGE, PURPLE, SKY, VERMILION, Chart
from stabilitylab.training.precision import DTYPES

ZONES = (
    ("flushed to zero", VERMILION),
    ("subnormal: losing digits", ORANGE),
    ("normal", GREEN),
    ("overflow: inf", PURPLE),
)
_BITS = {torch.float16: torch.int16, torch.bfloat16: torch.int16, torch.float32: torch.int32}
_LOWEST, _HIGHEST = -46.0, 40.0  # powers of ten that the axis of all three precisions shows
_WIDTH = 9.0  # inches


@dataclass(frozen=True)
class Limits:
    """The ends of a precision.

    Attributes:
        flush: numbers up to and including this one are rounded to zero; half of ``smallest``.
        smallest: the smallest number above zero.
        normal: from here on every number has all its digits.
        largest: the largest finite number.
        overflow: numbers from this one on are rounded to inf.
        digits: significant bits of a normal number, the leading 1 included.
    """

    flush: float
    smallest: float
    normal: float
    largest: float
    overflow: float
    digits: int


@dataclass(frozen=True)
class Place:
    """Where a number falls in a precision.

    Attributes:
        below: the largest number of the precision that is not above it.
        above: the smallest that is not below it; inf beyond the largest.
        stored: the nearer of the two, of two equally near the one whose last bit is 0.
        error: relative error of ``stored``; 1.0 for a number flushed to zero, inf for one that overflows.
        zone: one of the names in ``ZONES``.
    """

    below: float
    above: float
    stored: float
    error: float
    zone: str


@cache
def limits(dtype: str) -> Limits:
    """The ends of ``"fp16"``, ``"bf16"`` or ``"fp32"``.

    Raises:
        ValueError: for another name.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; choose one of {', '.join(DTYPES)}")
    smallest, info = _number(1, dtype), torch.finfo(DTYPES[dtype])
    gap = info.max - _number(_pattern(info.max, dtype) - 1, dtype)
    return Limits(smallest / 2, smallest, info.tiny, info.max, info.max + gap / 2, 1 - round(math.log2(info.eps)))


def place(value: float, dtype: str = "fp16") -> Place:
    """Where a number above zero falls in a precision.

    Raises:
        ValueError: if the number is not above zero and finite, or the precision is unknown.
    """
    if not 0 < value < math.inf:
        raise ValueError(f"value is {value}; it must be above 0 and finite (the line is the same below 0)")
    ends = limits(dtype)
    if value >= ends.overflow:
        return Place(ends.largest, math.inf, math.inf, math.inf, ZONES[3][0])
    pattern = _pattern(min(value, ends.largest), dtype)
    pattern -= _number(pattern, dtype) > value
    below, above = _number(pattern, dtype), _number(pattern + 1, dtype)
    if below == value:
        above = below
    # beyond the largest number rounding goes on as if there were one more
    distance = (value - below, (above if math.isfinite(above) else 2 * ends.overflow - ends.largest) - value)
    up = distance[1] < distance[0] or (distance[0] == distance[1] and pattern % 2 == 1 and below != value)
    stored = above if up else below
    zone = 0 if stored == 0 else 1 if value < ends.normal else 2
    return Place(below, above, stored, abs(stored - value) / value, ZONES[zone][0])


def picture(value: float, dtype: str = "fp16") -> Chart:
    """A number on the lines of all three precisions, and its neighbours in one of them.

    Args:
        value: above zero.
        dtype: the precision whose neighbours are shown.

    Raises:
        ValueError: if the number is not above zero and finite, or the precision is unknown.
    """
    found, ends = place(value, dtype), limits(dtype)
    # a plain axis of logarithms, and no automatic layout: a slider redraws this
    figure = Figure(figsize=(_WIDTH, 4.0), facecolor="white")
    whole, near = figure.subplots(2, 1, height_ratios=(3, 2))
    figure.subplots_adjust(left=0.06, right=0.98, top=0.83, bottom=0.14, hspace=0.55)
    for row, name in enumerate(DTYPES):
        _zones(whole, limits(name), row - 0.36, 0.72, alpha=1.0 if name == dtype else 0.35)
    whole.axvline(math.log10(value), color=BLACK, linewidth=1.8)
    whole.set_xlim(_LOWEST, _HIGHEST)
    whole.set_ylim(len(DTYPES) - 0.5, -0.5)
    whole.set_yticks(range(len(DTYPES)), DTYPES)
    powers = range(-40, 41, 10)
    whole.set_xticks(powers, [f"1e{power}" for power in powers])
    for name, color in ZONES:
        whole.plot([], [], "s", color=color, label=name)
    whole.legend(frameon=False, ncols=4, loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.2)
    _neighbours(near, value, found, dtype)
    for axis in (whole, near):
        axis.spines[["top", "right", "left"]].set_visible(False)
        axis.tick_params(axis="y", length=0)
    said = _sentence(value, found, dtype)
    figure.suptitle(said, x=0.01, ha="left", fontsize=12, weight="bold")
    return Chart(
        figure,
        f"Number line. {said} Its neighbours there are {_show(found.below)} and {_show(found.above)}. {dtype} rounds to zero up "
        f"to {ends.flush:.3g}, loses digits below {ends.normal:.3g}, and is inf from {_show(ends.overflow)} on; it holds "
        f"{ends.digits} significant bits.",
    )


def crowd(groups: Mapping[str, Tensor], factor: float = 1.0, dtype: str = "fp16", title: str = "") -> Chart:
    """How the sizes of many numbers lie over the range of a precision.

    Args:
        groups: label -> numbers in fp32; zeros are left out.
        factor: what they are multiplied by before they are stored, such as a loss scale.
        dtype: the precision.
        title: of the figure.
    """
    ends = limits(dtype)
    figure = Figure(figsize=(_WIDTH, 3.7), facecolor="white")
    axis = figure.subplots()
    figure.subplots_adjust(left=0.07, right=0.98, top=0.9, bottom=0.14)
    sizes = {label: numbers[numbers != 0].abs().double().numpy() * factor for label, numbers in groups.items()}
    low, high = -44, 24  # powers of two that the axis shows; what lies beyond is counted at the edge
    sentences, tops = [], []
    for color, style, (label, size) in zip((BLUE, BLACK, SKY, *COLORS), ("-", "--", "-.", ":"), sizes.items()):
        powers = np.clip(np.log2(size), low, high - 0.001)
        share = np.histogram(powers, np.arange(low, high + 1))[0] / len(size)
        axis.stairs(share, np.arange(low, high + 1), color=color, linewidth=1.8, linestyle=style, label=label)
        tops.append(share.max())
        lost, over = float((size <= ends.flush).mean()), float((size >= ends.overflow).mean())
        dull = float(((size > ends.flush) & (size < ends.normal)).mean())
        sentences.append(f"{label}: {lost:.1%} flushed, {dull:.1%} subnormal, {over:.1%} inf")
    top = 1.45 * max(tops)
    edges = _zones(axis, ends, 0, top, alpha=0.16, base=2)
    for (name, _), left, right in zip(ZONES, (low, *edges), (*edges, high)):
        axis.text((left + right) / 2, 0.98 * top, name.replace(": ", "\n"), ha="center", va="top", fontsize=9)
    axis.set_xlim(low, high)
    axis.set_ylim(0, top)
    ticks = range(low, high + 1, 8)
    axis.set_xticks(ticks, [f"$2^{{{power}}}$" for power in ticks])
    axis.set_xlabel("size when stored")
    axis.set_ylabel("share of the elements")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False, loc="upper left", bbox_to_anchor=(0, 0.88))
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    return Chart(
        figure,
        f"{title}. Sizes of the elements, multiplied by {factor:g}, over the range of {dtype}. " + "; ".join(sentences) + ".",
    )


def _zones(axis: Axes, ends: Limits, bottom: float, height: float, alpha: float, base: float = 10.0) -> list[float]:
    """Colours the four zones on an axis of logarithms; returns the borders between them."""
    borders = [math.log(edge, base) for edge in (ends.flush, ends.normal, ends.overflow)]
    for (_, color), left, right in zip(ZONES, (-400.0, *borders), (*borders, 400.0)):
        axis.fill_between([left, right], bottom, bottom + height, color=color, alpha=alpha, linewidth=0)
    return borders


def _neighbours(axis: Axes, value: float, found: Place, dtype: str) -> None:
    """The two numbers of the precision on either side of a value, and the one it becomes."""
    ends = limits(dtype)
    axis.set_yticks([])
    axis.set_ylim(-0.6, 1.2)
    axis.spines["bottom"].set_visible(False)
    if found.zone == ZONES[3][0] and value > 1.1 * ends.overflow:
        axis.set_xticks([])
        axis.text(0.5, 0.5, f"far beyond {_show(ends.largest)}, the largest number", ha="center", transform=axis.transAxes)
        return
    first = _pattern(found.below, dtype)
    last = _pattern(ends.largest, dtype)
    beyond = 2 * ends.overflow - ends.largest  # where the next number would be
    patterns = [p for p in range(first - 1, first + 3) if p >= 0]
    ticks = [_number(p, dtype) if p <= last else beyond for p in patterns if p <= last + 1]
    names = [_show(_number(p, dtype)) if p <= last else "inf" for p in patterns if p <= last + 1]
    axis.plot(ticks, [0] * len(ticks), "|", color=BLUE, markersize=26, markeredgewidth=2)
    middles = [(a + b) / 2 for a, b in pairwise(ticks)]
    axis.plot(middles, [0] * len(middles), "|", color="0.6", markersize=12)
    target = beyond if math.isinf(found.stored) else found.stored
    axis.plot([value], [0.75], "v", color=BLACK, markersize=8)
    axis.annotate("", (target, 0.15), (value, 0.7), arrowprops={"arrowstyle": "->", "color": BLACK, "linewidth": 1.4})
    axis.axhline(0, color="0.3", linewidth=0.8, zorder=0)
    margin = 0.15 * (ticks[-1] - ticks[0])
    axis.set_xlim(min(ticks[0], value) - margin, max(ticks[-1], value) + margin)
    axis.set_xticks(ticks, names)
    axis.set_xlabel(f"the neighbours in {dtype} (blue), and half way between them (grey)")


def _sentence(value: float, found: Place, dtype: str) -> str:
    zone = found.zone.partition(":")[0]
    if found.stored == 0:
        return f"{dtype}: {_show(value)} is flushed to zero."
    if math.isinf(found.stored):
        return f"{dtype}: {_show(value)} overflows to inf."
    if found.error == 0:
        return f"{dtype}: {_show(value)} is stored exactly ({zone})."
    return f"{dtype}: {_show(value)} is stored as {_show(found.stored)}, an error of {_percent(found.error)} ({zone})."


def _percent(share: float) -> str:
    return f"{share:.2g}" if share < 1e-5 else f"{100 * share:.2g}%"


def _show(value: float) -> str:
    return f"{value:.8g}" if 1e-3 <= value < 1e7 else f"{value:.4g}"


def _pattern(value: float, dtype: str) -> int:
    """The bits of a positive number, rounded to the precision, read as an integer."""
    return int(torch.tensor([value], dtype=torch.float64).to(DTYPES[dtype]).view(_BITS[DTYPES[dtype]]).item())


def _number(pattern: int, dtype: str) -> float:
    """The positive number with these bits."""
    return torch.tensor([pattern], dtype=_BITS[DTYPES[dtype]]).view(DTYPES[dtype]).item()
