"""Timings in turns."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from stabilitylab import workspace


def in_turns(
    work: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, list[float]]:
    """Seconds of every piece of work in every round. In a round each is done once, so that what slows a machine slows all; every
    other round goes backwards, so that nobody always comes after the same one."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for number in range(rounds):
        for name in list(work)[:: -1 if number % 2 else 1]:
            start = clock()
            work[name]()
            seconds[name].append(clock() - start)
    return seconds


def ratio(seconds: Mapping[str, list[float]], one: str, other: str) -> float:
    """Median over the rounds of one's time over the other's."""
    return statistics.median(a / b for a, b in zip(seconds[one], seconds[other]))


class Ran(NamedTuple):
    """A command that has ended well."""

    seconds: float
    printed: str


def command(*words: str | Path, folder: Path = workspace.ROOT) -> Ran:
    """Runs a command in a folder, with this environment's programs first.

    Raises:
        RuntimeError: if it fails, with the end of what it printed.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    start = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in words], cwd=folder, env=os.environ | {"PATH": path}, capture_output=True, text=True
    )
    seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, words))} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return Ran(seconds, done.stdout)
