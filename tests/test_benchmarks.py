"""The page of performance: it shows the figures it is given, and those of an earlier run beside them."""

import copy
import json
import re

from benchmarks import report, timing
from benchmarks.__main__ import PAGE, RESULTS

FIGURES = {
    "date": "2026-01-02",
    "commit": "abc1234",
    "machine": {"processor": "A", "threads": 2, "system": "Linux", "python": "3.11.1", "torch": "2.0"},
    "step": [
        {
            "shape": "small",
            "ours_ms": 8.01,
            "bare_ms": 7.02,
            "nano_ms": 7.53,
            "products_ms": 1.04,
            "ours_over_bare": 1.17,
            "ours_over_nano": 1.08,
            "ours_over_products": 7.75,
        }
    ],
    "sweeping": {"runs": 24, "steps": 120, "one_s": 31.4, "two_s": 17.6, "one_over_two": 1.79},
    "grading": {
        "assignment": "a1_clipping",
        "jobs": 2,
        "students": 10,
        "floor_s": 1.5,
        "nbgrader_s": 80.3,
        "ours": [{"students": 10, "seconds": 9.9}, {"students": 300, "seconds": 211.2}],
        "nbgrader_over_ours": 8.1,
        "ours_over_floor": 6.6,
    },
    "lessons": [{"lesson": "00_start_here", "seconds": 13.2}, {"lesson": "01_next", "seconds": 21.4}],
    "starting": {"stabilitylab --help": 0.07},
    "panel": {"share": 0.021, "picture_s": 0.17},
}


def test_the_page_shows_every_figure_and_the_earlier_ones_in_brackets():
    before = copy.deepcopy(FIGURES) | {"date": "2025-12-31"}
    before["step"][0]["ours_over_bare"] = 1.33
    before["grading"]["ours"] = [{"students": 10, "seconds": 12.5}]
    del before["lessons"]
    page = report.page(FIGURES, before)
    assert "| small | 8.01 ms (8.01) |" in page and "| 1.17 (1.33) | 1.08 (1.08) | 7.75 (7.75) |" in page
    assert "| ours, 10 students | 9.9 s (12.5), 0.99 s a student |" in page
    assert "| ours, 300 students | 211.2 s, 0.70 s a student |" in page
    assert "| all | 35 s |" in page and "| 00_start_here | 13 s |" in page
    assert "2025-12-31" in page and "2026-01-02" in page


def test_a_first_run_without_a_browser_makes_a_page_too():
    page = report.page(FIGURES, {})
    assert "In brackets" not in page and "redraws a second |" not in page and "| share of a run's time | 0.021 |" in page


def test_the_page_that_is_shipped_is_made_of_the_newest_figures_that_are_kept():
    kept = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*.json"))]
    assert PAGE.read_text(encoding="utf-8") == report.page(kept[-1], kept[-2] if len(kept) > 1 else {})


def test_what_is_compared_is_done_in_turns_and_compared_round_by_round():
    done, clock = [], iter(range(100))
    seconds = timing.in_turns({"a": lambda: done.append("a"), "b": lambda: done.append("b")}, 3, lambda: next(clock))
    assert done == list("abbaab") and seconds == {"a": [1, 1, 1], "b": [1, 1, 1]}
    assert timing.ratio({"a": [2.0, 9.0, 4.0], "b": [1.0, 3.0, 4.0]}, "a", "b") == 2.0


def test_a_command_that_fails_says_what_it_printed():
    message = ""
    try:
        timing.command("python", "-c", "print('so far'); raise SystemExit(3)")
    except RuntimeError as error:
        message = str(error)
    assert re.search(r"failed:\nso far", message)
