"""What a person may change in a live panel: one table, in the order of the controls on the screen.

A new control for a field of ``RunConfig`` is a row of ``CONTROLS``: the field, its widget, and what a figure's title says of it.
A menu offers what the module that knows the choices offers, so a new schedule or norm is in it without a change here; ``SHOWN``
has better words for those whose names are no words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ipywidgets as widgets

from stabilitylab.training.config import OPTIMIZERS, RunConfig
from stabilitylab.training.model import CHOICES
from stabilitylab.training.precision import DTYPES
from stabilitylab.training.schedules import DECAYS

STYLE = {"description_width": "7.5em"}
WIDTH = "330px"
NORMS = {"pre": "pre-LN", "post": "post-LN", "none": "no norms"}
SHOWN = NORMS | {
    "constant": "stay constant",
    "cosine": "cosine to 0",
    "linear": "linear to 0",
    "inverse_sqrt": "inverse square root",
    "wsd": "stay, then linear to 0",
    "sgd": "SGD",
    "adam": "Adam",
    "adamw": "AdamW",
    "radam": "RAdam",
}
"""Choice -> what a menu shows for it, where that is not its own name."""


@dataclass(frozen=True)
class Control:
    """One setting that can be changed.

    Attributes:
        field: of ``RunConfig``; fields of the model as ``model__norm``.
        widget: from the settings a panel begins with to the control, set to them.
        says: what is worth saying about this setting of a run in its title, empty for nothing.
        usual: whether a panel shows it unless told otherwise.
    """

    field: str
    widget: Callable[[RunConfig], widgets.Widget]
    says: Callable[[RunConfig], str] = lambda config: ""
    usual: bool = False


def _choice(label: str, options: Sequence[tuple[str, Any]] | Mapping[Any, str], value: Any) -> widgets.Dropdown:
    """A menu of (shown, value) pairs, or of value -> shown."""
    pairs = [(shown, key) for key, shown in options.items()] if isinstance(options, Mapping) else list(options)
    return widgets.Dropdown(options=pairs, value=value, description=label, style=STYLE, layout=widgets.Layout(width=WIDTH))


def _named(label: str, choices: Iterable[str], value: str) -> widgets.Dropdown:
    """A menu of choices that have names."""
    return _choice(label, {name: SHOWN.get(name, name) for name in choices}, value)


def _numbers(
    label: str, values: Sequence[float], value: float, shown: Callable[[float], str] = "{:g}".format
) -> widgets.Dropdown:
    """A menu of numbers, the present value among them."""
    return _choice(label, [(shown(v), v) for v in sorted({*values, value})], value)


def _slider(label: str, value: int, low: int, high: int, step: int = 1) -> widgets.IntSlider:
    """A slider of whole numbers that reaches the present value at least."""
    return widgets.IntSlider(
        value=value,
        min=low,
        max=max(high, value),
        step=step,
        description=label,
        style=STYLE,
        layout=widgets.Layout(width=WIDTH),
        continuous_update=False,
    )


def _rate(config: RunConfig) -> widgets.FloatLogSlider:
    return widgets.FloatLogSlider(
        value=config.lr,
        base=10,
        min=-5,
        max=0,
        step=0.05,
        readout_format=".2g",
        description="peak LR",
        style=STYLE,
        layout=widgets.Layout(width=WIDTH),
        continuous_update=False,
    )


def _clip(config: RunConfig) -> widgets.Dropdown:
    # a menu cannot hold None: 0 stands for off
    limits = sorted({0.1, 1.0, 10.0} | ({config.clip_norm} if config.clip_norm else set()))
    return _choice("clip norm", [("off", 0.0), *((f"{limit:g}", limit) for limit in limits)], config.clip_norm or 0.0)


def _forgetting(config: RunConfig) -> widgets.Dropdown:
    pairs = sorted({(0.9, 0.95), (0.9, 0.99), (0.9, 0.999), config.betas})
    return _choice("beta2", [(f"{betas[1]:g}", betas) for betas in pairs], config.betas)


def _bad_batches(config: RunConfig) -> widgets.Dropdown:
    steps = _injected(config)
    own = [(f"{len(steps)}, from step {steps[0]}", config.injections)] if steps else []
    return _choice("bad batches", [("none", ()), *own], config.injections)


def _injected(config: RunConfig) -> list[int]:
    return sorted(step for injection in config.injections for step in injection.steps)


def _power(scale: float) -> str:
    """A loss scale as people write it: ``"2^10"``."""
    exponent = math.log2(scale)
    return f"2^{exponent:g}" if exponent and exponent.is_integer() else f"{scale:g}"


CONTROLS = (
    Control("optimizer", lambda c: _named("optimizer", OPTIMIZERS, c.optimizer), lambda c: c.optimizer, usual=True),
    Control("lr", _rate, lambda c: f"LR {c.lr:.2g}", usual=True),
    Control(
        "warmup_steps",
        lambda c: _slider("warmup steps", c.warmup_steps, 0, 400, 5),
        lambda c: f"warmup {c.warmup_steps}" if c.warmup_steps else "",
        usual=True,
    ),
    Control(
        "decay",
        lambda c: _named("after warmup", DECAYS, c.decay),
        lambda c: "" if c.decay == "constant" else c.decay.replace("_", " "),
        usual=True,
    ),
    Control("clip_norm", _clip, lambda c: "" if c.clip_norm is None else f"clip {c.clip_norm:g}", usual=True),
    Control("momentum", lambda c: _numbers("momentum", (0.0, 0.9), c.momentum)),
    Control("betas", _forgetting, lambda c: "" if c.betas[1] == RunConfig.betas[1] else f"beta2 {c.betas[1]:g}"),
    Control(
        "weight_decay",
        lambda c: _numbers("weight decay", (0.0, 0.01, 0.1, 1.0), c.weight_decay),
        lambda c: f"weight decay {c.weight_decay:g}" if c.weight_decay else "",
    ),
    Control(
        "loss_scale",
        lambda c: _numbers("loss scale", (1.0, 2.0**3, 2.0**5, 2.0**10, 2.0**15, 2.0**20, 2.0**24), c.loss_scale, _power),
        lambda c: "" if c.loss_scale == 1 else f"loss scale {_power(c.loss_scale)}",
    ),
    Control("model__norm", lambda c: _named("norm", CHOICES["norm"], c.model.norm), lambda c: NORMS[c.model.norm], usual=True),
    Control(
        "model__qk_norm",
        lambda c: _choice("QK-norm", {False: "off", True: "on"}, c.model.qk_norm),
        lambda c: "QK-norm" if c.model.qk_norm else "",
    ),
    Control("model__init", lambda c: _named("init", CHOICES["init"], c.model.init)),
    Control(
        "model__layers", lambda c: _slider("layers", c.model.layers, 1, 24), lambda c: f"{c.model.layers} layers", usual=True
    ),
    Control(
        "dtype",
        lambda c: _named("precision", DTYPES, c.dtype),
        lambda c: "" if c.dtype == "fp32" else c.dtype,
        usual=True,
    ),
    Control("master_weights", lambda c: _choice("weights kept in", {True: "fp32", False: "that precision"}, c.master_weights)),
    Control("batch_size", lambda c: _slider("batch size", c.batch_size, 1, 32)),
    Control("injections", _bad_batches, lambda c: f"{len(_injected(c))} bad batches" if c.injections else ""),
    Control("steps", lambda c: _slider("steps", c.steps, 20, 400, 10), usual=True),
    Control("seed", lambda c: _slider("seed", c.seed, 0, 20), lambda c: f"seed {c.seed}", usual=True),
)
"""Every control, in the order of the screen and of a title."""


def made_for(config: RunConfig, fields: Sequence[str] | None = None) -> dict[str, widgets.Widget]:
    """Field -> its control, set to a config.

    Args:
        config: the settings to begin with.
        fields: which, in this order; default the usual ones.

    Raises:
        ValueError: if a field has no control.
    """
    known = {control.field: control for control in CONTROLS}
    if unknown := sorted(set(fields or ()) - set(known)):
        raise ValueError(f"controls holds {unknown[0]!r}; choose from {', '.join(known)}")
    chosen = [known[field] for field in fields] if fields else [control for control in CONTROLS if control.usual]
    return {control.field: control.widget(config) for control in chosen}


def settings(controls: Mapping[str, widgets.Widget], config: RunConfig) -> RunConfig:
    """The config that controls describe; what has no control is as in ``config``.

    Raises:
        ValueError: if these settings cannot be trained, in one sentence.
    """
    chosen = {field: control.value for field, control in controls.items()}
    if "clip_norm" in chosen:
        chosen["clip_norm"] = chosen["clip_norm"] or None
    return config.replace(**chosen)


def describe(config: RunConfig) -> str:
    """The settings of a run that matter most, in a few words."""
    return ", ".join(said for control in CONTROLS if (said := control.says(config)))
