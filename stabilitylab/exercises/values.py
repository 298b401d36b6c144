"""Raw data that probes return: a plain form that travels as JSON, and when two of them are the same."""

from __future__ import annotations

import math
import sys
from typing import Any

from stabilitylab.training.numbers import number

_DEPTH = 6
_LARGEST = sys.float_info.max
_DTYPES = ("float64", "float32", "float16", "int64", "int32", "bool")


def encode(value: Any, depth: int = 0) -> Any:
    """The JSON form of numbers, strings, None, tensors and arrays, and lists, tuples and dictionaries of them.

    A number of any library is a number. What has no such form becomes ``{"other": type name}``, which is never the same as
    anything expected.
    """
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if depth > _DEPTH:
        return {"other": "deeper than six levels"}
    if torch is not None and isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if kind not in _DTYPES:
            return {"other": f"tensor of {kind}"}
        return {"tensor": [kind, list(value.shape), [_finite(v) for v in value.detach().cpu().flatten().tolist()]]}
    if numpy is not None and isinstance(value, numpy.ndarray) and str(value.dtype) in _DTYPES:
        return {"tensor": [str(value.dtype), list(value.shape), [_finite(v) for v in value.flatten().tolist()]]}
    if value is None or type(value) is str:
        return value
    if isinstance(value, (list, tuple)):
        return [encode(v, depth + 1) for v in value]
    if isinstance(value, dict):
        return {"dict": [[str(k), encode(v, depth + 1)] for k, v in value.items()]}
    plain = number(value)
    if type(plain) is bool:
        return plain
    if type(plain) is int and abs(plain) > _LARGEST:
        return {"other": "int beyond every float"}
    return _finite(plain) if type(plain) in (int, float) else {"other": type(value).__name__}


def decode(value: Any) -> Any:
    """The inverse of ``encode`` (tuples come back as lists, keys as strings).

    Raises:
        ValueError: if it is not something that ``encode`` makes, or stands for a value that has no plain form.
    """
    if value is None or isinstance(value, (bool, str, int, float)):
        return value
    if isinstance(value, list):
        return [decode(v) for v in value]
    match value:
        case {"number": "nan" | "inf" | "-inf" as number}:
            return float(number)
        case {"dict": list(pairs)} if all(isinstance(p, list) and len(p) == 2 and isinstance(p[0], str) for p in pairs):
            return {k: decode(v) for k, v in pairs}
        case {"tensor": [str(kind), list(shape), list(numbers)]} if kind in _DTYPES:
            import torch

            return torch.tensor([decode(n) for n in numbers], dtype=getattr(torch, kind)).reshape([int(size) for size in shape])
    raise ValueError("not plain data")


def _finite(value: float) -> Any:
    return value if math.isfinite(value) else {"number": repr(value)}


def same(given: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-6, nan_is_nan: bool = False) -> bool:
    """Whether two encoded values agree: structure, names and shapes exactly, numbers within tolerance.

    Where one number is expected, a tensor of one element is that number. A NaN agrees with nothing, or with another NaN if
    ``nan_is_nan``.
    """
    if isinstance(expected, (bool, int, float)) or (isinstance(expected, dict) and "number" in expected):
        given = _single(given)
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return type(given) is type(expected) and given == expected
    if isinstance(expected, (int, float)):
        # a whole number may be too large for a float, and then it is not this one
        return _is_number(given) and abs(given) < _LARGEST and math.isclose(given, expected, rel_tol=rtol, abs_tol=atol)
    if isinstance(expected, list):
        return (
            isinstance(given, list)
            and len(given) == len(expected)
            and all(same(g, e, rtol, atol, nan_is_nan) for g, e in zip(given, expected))
        )
    if isinstance(expected, dict) and "tensor" in expected:
        if not (isinstance(given, dict) and isinstance(given.get("tensor"), list) and len(given["tensor"]) == 3):
            return False
        (_, shape, numbers), (_, expected_shape, expected_numbers) = given["tensor"], expected["tensor"]
        return shape == expected_shape and same(numbers, expected_numbers, rtol, atol, nan_is_nan)
    if isinstance(expected, dict) and "number" in expected:
        return given == expected and (nan_is_nan or expected["number"] != "nan")
    if isinstance(expected, dict) and "dict" in expected:
        if not (isinstance(given, dict) and isinstance(given.get("dict"), list)):
            return False
        return same(given["dict"], expected["dict"], rtol, atol, nan_is_nan)
    return False


def _single(given: Any) -> Any:
    """The number in an encoded tensor of one element; anything else as it is."""
    match given:
        case {"tensor": [str(), list(), [one]]}:
            return one
    return given


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
