"""The settings of a sweep, written as ``field=values``: ``lr=1e-4..1e-1:12 model.width=32,64 optimizer=sgd,adamw seeds=0-4``.

====================== =====================================================================
``a,b,c``              these values; ``none`` is no value, ``0.9/0.95`` a pair
``low..high:count``    so many values between two, both included, each the same factor apart
``seeds=0-4``          seeds from one to another; a list works too
====================== =====================================================================
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stabilitylab.training.config import RunConfig
from stabilitylab.training.model import ModelConfig

NOT_SWEPT = ("model", "injections")
"""Fields that a word on the command line cannot write."""


@dataclass(frozen=True)
class Grid:
    """Every combination of some values.

    Attributes:
        axes: field of ``RunConfig``, with ``model.`` before one of ``ModelConfig`` -> its values, in the order given; the seeds
            under ``"seed"``.
    """

    axes: Mapping[str, tuple[Any, ...]]

    def __len__(self) -> int:
        return math.prod(len(values) for values in self.axes.values())

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The settings of each run; the last axis changes first."""
        for values in itertools.product(*self.axes.values()):
            yield dict(zip(self.axes, values))


def parse(words: Sequence[str]) -> Grid:
    """The grid that some words describe.

    Raises:
        ValueError: naming the word that is not understood, and what would do.
    """
    fields = _fields()
    axes: dict[str, tuple[Any, ...]] = {}
    for word in words:
        name, equals, text = word.partition("=")
        name = "seed" if name == "seeds" else name
        if not equals or not text:
            raise ValueError(f"{word!r} is no setting; write it as lr=1e-3,1e-2 or lr=1e-4..1e-1:12")
        if name not in fields:
            raise ValueError(f"{name!r} is no setting of a run; the settings are {', '.join(fields)}")
        if name in axes:
            raise ValueError(f"{name} is given twice, in {word!r} too; give all its values at once")
        axes[name] = _values(name, text, fields[name])
    if not axes:
        raise ValueError("no setting is given; try lr=1e-4..1e-1:12 seeds=0-4")
    return Grid(axes)


def _fields() -> dict[str, str]:
    """Field -> its type, as written in the dataclass."""
    found = {field.name: str(field.type) for field in dataclasses.fields(RunConfig) if field.name not in NOT_SWEPT}
    return found | {f"model.{field.name}": str(field.type) for field in dataclasses.fields(ModelConfig)}


def _values(name: str, text: str, kind: str) -> tuple[Any, ...]:
    if ".." in text:
        return _range(name, text, kind)
    if name == "seed" and "-" in text.lstrip("-"):
        first, _, last = text.partition("-")
        try:
            seeds = tuple(range(int(first), int(last) + 1))
        except ValueError:
            raise ValueError(f"seeds is {text!r}; write it as 0-4 or 0,1,2") from None
        if not seeds:
            raise ValueError(f"seeds is {text!r}, which holds none; write the lower one first, as in 0-4")
        return seeds
    values = tuple(_value(name, part, kind) for part in text.split(","))
    return tuple(dict.fromkeys(values))


def _range(name: str, text: str, kind: str) -> tuple[Any, ...]:
    ends, _, count_text = text.partition(":")
    low_text, _, high_text = ends.partition("..")
    try:
        low, high, count = float(low_text), float(high_text), int(count_text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}; a range is written low..high:count, as in 1e-4..1e-1:12") from None
    if not 0 < low < high < math.inf or count < 2:
        raise ValueError(f"{name} is {text!r}; a range needs 0 < low < high and a count of at least 2")
    if not kind.startswith(("int", "float")):
        raise ValueError(f"{name} is {text!r}; a range is for numbers, and {name} is none: list its values")
    values = [low * (high / low) ** (i / (count - 1)) for i in range(count)]
    return tuple(dict.fromkeys(round(v) if kind.startswith("int") else float(f"{v:.6g}") for v in values))


def _value(name: str, text: str, kind: str) -> Any:
    try:
        if text.lower() == "none" and "None" in kind:
            return None
        if kind.startswith("bool"):
            return {"true": True, "false": False}[text.lower()]
        if kind.startswith("int"):
            return int(text)
        if kind.startswith("float"):
            return float(text)
        if kind.startswith("tuple"):
            first, second = text.split("/")
            return float(first), float(second)
        return text
    except (ValueError, KeyError):
        example = {"bool": "true or false", "int": "a whole number", "float": "a number", "tuple": "two numbers, as in 0.9/0.95"}
        wanted = next(words for start, words in example.items() if kind.startswith(start))
        raise ValueError(f"{name} is {text!r}; it must be {wanted}") from None
