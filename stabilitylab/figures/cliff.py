"""A cliff to fall from: a loss of two parameters, and where one step of gradient descent lands on it.

A gentle valley runs to the right and ends in a steep wall, in the spirit of Pascanu et al. 2013 (arXiv 1211.5063, figure 6). The
function is the course's own, smooth, with an exact gradient. ``picture`` draws the raw step, the step with its norm clipped and
the step with its elements clipped, for ``live.explore`` to draw again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from stabilitylab.figures import plots

EDGE = 1.0  # the wall's foot
SLOPE = 30.0  # of the wall
BEND = 30.0  # how sharply valley turns into wall
CENTRE = 3.0  # where the valley would be deepest, if there were no wall in front
X, Y = (-6.0, 1.6), (-0.6, 3.0)  # what the picture shows


@dataclass(frozen=True)
class Step:
    """One step: its name, where it lands, the loss there, and the cosine of the angle that clipping put between it and the raw
    step."""

    name: str
    x: float
    y: float
    loss: float
    cosine: float


def loss(x, y):
    """The surface: 0.1 (x - 3)^2 + 0.25 y^2, and a wall of slope 30 from x = 1 on; numbers or arrays."""
    return 0.1 * (x - CENTRE) ** 2 + 0.25 * y**2 + SLOPE * np.logaddexp(0.0, BEND * (x - EDGE)) / BEND


def gradient(x: float, y: float) -> tuple[float, float]:
    """Its exact gradient."""
    wall = SLOPE * 0.5 * (1 + math.tanh(0.5 * BEND * (x - EDGE)))  # the logistic function, without overflow
    return 0.2 * (x - CENTRE) + wall, 0.5 * y


def steps(x: float, y: float, limit: float, lr: float) -> list[Step]:
    """Where one step of gradient descent lands: raw, with the norm clipped at the limit, with each element clipped at it."""
    raw = np.array(gradient(x, y))
    norm = float(np.hypot(*raw))
    gradients = {
        "raw": raw,
        "norm clipped": raw * min(1.0, limit / norm) if norm else raw,
        "elements clipped": raw.clip(-limit, limit),
    }
    found = []
    for name, g in gradients.items():
        to_x, to_y = x - lr * g[0], y - lr * g[1]
        cosine = float(raw @ g / (norm * np.hypot(*g))) if norm else 1.0
        found.append(Step(name, float(to_x), float(to_y), float(loss(to_x, to_y)), cosine))
    return found


def picture(x: float = EDGE, y: float = 2.0, limit: float = 1.0, lr: float = 0.3) -> plots.Chart:
    """One step on the cliff, three ways.

    Args:
        x: along the valley; the wall begins at 1.
        y: across it; the valley's floor is at 0.
        limit: for the norm of the gradient, and for each of its elements.
        lr: the learning rate.

    Returns:
        A chart of the surface from above, of the point and of three arrows, whose legend and alt text give the loss before and
        after.

    Raises:
        ValueError: if the limit or the learning rate is not above 0.
    """
    for name, value in (("limit", limit), ("lr", lr)):
        if not value > 0:
            raise ValueError(f"{name} is {value}; it must be above 0")
    here, landed = float(loss(x, y)), steps(x, y, limit, lr)
    norm = math.hypot(*gradient(x, y))
    figure = Figure(figsize=(9.0, 4.9), layout="constrained", facecolor="white")
    axis = figure.subplots()
    grid_x, grid_y = np.meshgrid(np.linspace(*X, 240), np.linspace(*Y, 120))
    surface = loss(grid_x, grid_y)
    levels = np.array([0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 6, 8, 10, 14, 18])
    axis.contourf(grid_x, grid_y, surface, [0, *levels, 100], cmap="Greys", vmin=-4, vmax=36, extend="max")
    axis.contour(grid_x, grid_y, surface, levels, colors="0.55", linewidths=0.6)
    sentences = []
    looks = ((plots.VERMILION, "-", 2.2, "o"), (plots.BLUE, "-", 3.4, "s"), (plots.GREEN, "--", 2.2, "^"))
    for step, (color, line, width, mark) in zip(landed, looks):
        inside = _inside((x, y), (step.x, step.y))
        to = (x + inside * (step.x - x), y + inside * (step.y - y))
        change = f"{here:.2f} to {step.loss:.2f}" + (f", beyond the edge at x = {step.x:.1f}" if inside < 1 else "")
        axis.plot([x, to[0]], [y, to[1]], line, color=color, linewidth=width, zorder=3)
        axis.plot(
            *to,
            mark,
            color=color,
            markersize=9,
            markeredgecolor="white",
            clip_on=False,
            zorder=4,
            label=f"{step.name}: loss {change}, cosine {step.cosine:.2f}",
        )
        sentences.append(
            f"{step.name}: lands at x = {step.x:.2f}, y = {step.y:.2f}, loss from {change}, cosine to the raw step "
            f"{step.cosine:.2f}"
        )
    axis.plot(x, y, "*", color=plots.BLACK, markersize=15, markeredgecolor="white", zorder=5)
    axis.set(xlim=X, ylim=Y, xlabel="along the valley: the wall begins at 1", ylabel="across the valley", aspect="equal")
    axis.legend(loc="lower left", bbox_to_anchor=(0, 1.0), frameon=False, borderaxespad=0.2)
    title = f"One step from the star: gradient norm {norm:.3g}, limit {limit:g}, learning rate {lr:g}"
    figure.suptitle(title, x=0.01, ha="left", fontsize=12, weight="bold")
    alt = (
        f"{title}. A loss of two parameters from above: a valley that falls gently to the right and ends in a steep wall at x = "
        f"1; the star is at x = {x:g}, y = {y:g}. " + "; ".join(sentences) + "."
    )
    return plots.Chart(figure, alt)


def _inside(start: tuple[float, float], end: tuple[float, float]) -> float:
    """The share of the way from start to end that lies inside the picture, 1.0 for all of it."""
    shares = [1.0]
    for here, there, (low, high) in zip(start, end, (X, Y)):
        if not low <= there <= high:
            edge = low if there < low else high
            shares.append((edge - here) / (there - here))
    return max(0.0, min(shares))
