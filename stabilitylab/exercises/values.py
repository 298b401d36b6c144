"""Raw data that probes return: a plain form that travels as JSON, and when two of them are the same."""

from __future__ import annotations

import math
import sys
from typing import Any

_DEPTH = 6
_DTYPES = ("float64", "float32", "float16", "int64", "int32", "bool")


def encode(value: Any, depth: int = 0) -> Any:
    """The JSON form of numbers, strings, None, tensors, and lists, tuples and dictionaries of them.

    What has no such form becomes ``{"other": type name}``, which is never the same as anything expected.
    """
    torch = sys.modules.get("torch")
    if depth > _DEPTH:
        return {"other": "deeper than six levels"}
    if torch is not None and isinstance(value, torch.Tensor):
        kind = str(value.dtype).removeprefix("torch.")
        if kind not in _DTYPES:
            return {"other": f"tensor of {kind}"}
        return {"tensor": [kind, list(value.shape), [_number(v) for v in value.detach().cpu().flatten().tolist()]]}
    if value is None or type(value) in (bool, str):
        return value
    if type(value) in (int, float):
        return _number(value)
    if isinstance(value, (list, tuple)):
        return [encode(v, depth + 1) for v in value]
    if isinstance(value, dict):
        return {"dict": [[str(k), encode(v, depth + 1)] for k, v in value.items()]}
    return {"other": type(value).__name__}


def _number(value: float) -> Any:
    return value if math.isfinite(value) else {"number": repr(value)}


def same(given: Any, expected: Any, rtol: float = 1e-4, atol: float = 1e-6, nan_is_nan: bool = False) -> bool:
    """Whether two encoded values agree: structure, names and shapes exactly, numbers within tolerance.

    A NaN agrees with nothing, or with another NaN if ``nan_is_nan``.
    """
    if isinstance(expected, bool) or expected is None or isinstance(expected, str):
        return type(given) is type(expected) and given == expected
    if isinstance(expected, (int, float)):
        return _is_number(given) and math.isclose(given, expected, rel_tol=rtol, abs_tol=atol)
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


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
