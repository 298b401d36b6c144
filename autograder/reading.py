"""Reading a submitted file: bytes that anybody may have made, into a notebook, within limits of memory."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_VALUES = 1_000_000
"""Objects, lists, texts, numbers, keys: about 100 MB of memory at most. A lesson with all its outputs has some ten thousand; a
file of 20 MB may hold ten million."""
DEEPEST = 100
"""Objects and lists within one another; a notebook has about ten."""

# nothing is tried twice: a file can be made so that this takes memory, or a time that grows with its square
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|[^\s,:"\[\]{}]++', re.DOTALL)


def notebook_of(data: bytes) -> dict[str, Any]:
    """A notebook file's content.

    Args:
        data: the file, of whatever size is let in.

    Raises:
        ValueError: if it is no JSON in UTF-8, no object, or holds more values, or deeper, than a notebook does.
    """
    _count(data)
    try:
        content = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not isinstance(content, dict):
        raise ValueError("it is not an object")
    return content


def _count(data: bytes) -> None:
    """Looks over JSON without keeping any of it."""
    values = depth = 0
    for token in _TOKEN.finditer(data):
        start = data[token.start()]
        if start in b"[{":
            depth += 1
        elif start in b"]}":
            depth -= 1
            continue
        values += 1
        if values > MOST_VALUES:
            raise ValueError("it holds too many values")
        if depth > DEEPEST:
            raise ValueError("it is nested too deep")
