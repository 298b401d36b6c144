"""Measures everything, keeps the figures in benchmarks/results/DATE.json, and writes docs/performance.md.

python -m benchmarks              everything, about a quarter of an hour on two cores
python -m benchmarks step panel   some of it: the figures are printed, and nothing is written
python -m benchmarks --page       the page again, from the figures kept
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import grading, lessons, panel, report, starting, step, sweeping
from stabilitylab import workspace

PARTS: dict[str, Callable[[], Any]] = {
    "step": step.measure,
    "panel": panel.measure,
    "starting": starting.measure,
    "sweeping": sweeping.measure,
    "grading": grading.measure,
    "lessons": lessons.measure,
}
RESULTS = Path(__file__).parent / "results"
PAGE = workspace.ROOT / "docs" / "performance.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure how fast the course is.")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; default all, and the page is written"
    )
    parser.add_argument("--page", action="store_true", help="only write the page again")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"PART is {min(unknown)!r}; choose from {', '.join(PARTS)}")
    if not options.page:
        start = time.perf_counter()
        found = {name: _measured(name) for name in options.parts or PARTS}
        if options.parts:
            print(json.dumps(found, indent=2))
            return 0
        about = {"date": str(datetime.date.today()), "commit": _commit(), "machine": _machine()}
        found = about | {"seconds": time.perf_counter() - start} | found
        workspace.write_atomically(RESULTS / f"{found['date']}.json", json.dumps(found, indent=2) + "\n")
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    workspace.write_atomically(PAGE, report.page(kept[-1], kept[-2] if len(kept) > 1 else {}))
    print(PAGE.relative_to(workspace.ROOT))
    return 0


def _measured(name: str) -> Any:
    print(f"{name} ...", end=" ", file=sys.stderr, flush=True)
    start = time.perf_counter()
    found = PARTS[name]()
    print(f"{time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    return found


def _commit() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=workspace.ROOT, capture_output=True, text=True)
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    processor = platform.processor() or platform.machine()
    if (about := Path("/proc/cpuinfo")).exists():
        names = [line.split(":", 1)[1].strip() for line in about.read_text().splitlines() if line.startswith("model name")]
        processor = names[0] if names else processor
    return {
        "processor": processor,
        "threads": os.cpu_count(),
        "system": platform.system(),
        "python": platform.python_version(),
        "torch": metadata.version("torch"),
    }


if __name__ == "__main__":
    sys.exit(main())
