"""A sweep on two processes against the same sweep on one."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from stabilitylab import sweeps

WORDS = ["lr=1e-4..1e-1:8", "seeds=0-2"]
STEPS = 120


def measure() -> dict[str, Any]:
    """Seconds of the sweep, the start of processes and the writing of tables included."""
    seconds = {}
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            runs = len(sweeps.sweep(WORDS, into=Path(folder), jobs=jobs, steps=STEPS))
            seconds[jobs] = time.perf_counter() - start
    return {"runs": runs, "steps": STEPS, "one_s": seconds[1], "two_s": seconds[2], "one_over_two": seconds[1] / seconds[2]}
