"""One number, whatever library it came from. Imports none of them."""

from __future__ import annotations

import decimal
import numbers
from typing import Any


def number(value: Any) -> Any:
    """The Python number that a value stands for, so that nobody is told apart by the library they compute with.

    Args:
        value: anything. Scalars of Python, NumPy and torch, and arrays and tensors of one element, count by value.

    Returns:
        A bool, int or float; ``value`` itself if it is no single real number.
    """
    if type(value) in (bool, int, float):
        return value
    if isinstance(value, (str, bytes, dict, list, tuple)):
        return value
    if callable(getattr(value, "item", None)):  # NumPy and torch
        try:
            one = value.item()
        except (TypeError, ValueError, RuntimeError):  # it has more elements than one, or none
            return value
        return one if type(one) in (bool, int, float) else value
    if isinstance(value, numbers.Integral):
        return int(value)
    return float(value) if isinstance(value, (numbers.Real, decimal.Decimal)) else value
