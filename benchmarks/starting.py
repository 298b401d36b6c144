"""How long somebody waits before anything is there: imports, ``--help``, the first page of ``make lab``."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import timing
from tests.jupyterlab import CHROMIUM, Lab, chromium

STARTED = {
    "stabilitylab --help": ("stabilitylab", "--help"),
    "autograder --help": ("autograder", "--help"),
    "import stabilitylab": (sys.executable, "-c", "import stabilitylab"),
    "import torch": (sys.executable, "-c", "import torch"),
    "from stabilitylab import train": (sys.executable, "-c", "from stabilitylab import train"),
}
ROUNDS = 7


def measure() -> dict[str, Any]:
    """Median seconds of each start; seconds from `make lab` to the first lesson on the screen, in a new folder and once more."""
    work = {name: lambda words=words: timing.command(*words) for name, words in STARTED.items()}
    found: dict[str, Any] = {name: statistics.median(seconds) for name, seconds in timing.in_turns(work, ROUNDS).items()}
    if CHROMIUM:
        with tempfile.TemporaryDirectory() as folder, chromium() as browser:
            found["first page"], found["first page again"] = (_first_page(browser, Path(folder)) for _ in range(2))
    return found


def _first_page(browser: Any, work: Path) -> float:
    start = time.perf_counter()
    lab = Lab(work)
    try:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(lab.url)
        page.locator(".jp-MarkdownCell .jp-RenderedMarkdown h1").first.wait_for()
        seconds = time.perf_counter() - start
        page.close()
    finally:
        lab.close()
    return seconds
