"""Every lesson from its first cell to its last, in a fresh kernel."""

from __future__ import annotations

from typing import Any

from stabilitylab.lessons import notebooks


def measure() -> list[dict[str, Any]]:
    """Seconds of each lesson, the start of its kernel included."""
    return [
        {"lesson": source.stem, "seconds": notebooks.execute(notebooks.derive(source), notebooks.LESSONS)}
        for source in sorted(notebooks.LESSONS.glob("*.py"))
    ]
