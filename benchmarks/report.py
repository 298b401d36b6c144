"""docs/performance.md, from the figures of the newest run and of the one before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

HEAD = """# How fast the course is

Written by `make bench`, which takes about a quarter of an hour on two cores. Quote the ratios: what they compare was measured in
turns, in one run. Seconds are those of one machine.

- Measured on {date}, commit {commit}: {machine}.
{before}"""
STEP = """
## A training step

One thread, AdamW, gradients clipped at 1.0. **Ours** measures everything in `StepRecord` at every step; the **bare loop** trains
the same model and measures the loss alone; the **nanoGPT-shaped loop** has nanoGPT's model (fused attention), its way of drawing
a batch, and AdamW as nanoGPT makes it on a CPU; the **products** are the matrix products of one step and nothing else. Goals: at
most 1.10 times the bare loop, at most 1.00 times the nanoGPT-shaped one.
"""
TRIED = """
### What is left above the nanoGPT-shaped loop

Attention. The course spells it out, because lessons watch the largest logit, which a fused kernel never shows. Alone, forward and
backward, it takes 0.41 ms a layer where PyTorch's fused kernel takes 0.24 ms (first shape), 4.2 against 3.3 ms (third) and 6.6
against 5.4 ms (fourth; medians of 7 rounds in turns, 28 November 2026): 10, 4 and 2 percent of a step, more than the whole
difference. A fused optimizer step gives part of it back.

### Several seeds in one graph: tried, not kept

Five seeds, telemetry but for the gradient norm left out, against one run of the course's loop (medians of 45 steps in turns,
28 November 2026, two hardware threads of one core, one torch thread). To be kept, five seeds had to cost at most 2.5 times one at
the lessons' shapes, without a second model to maintain.

| | 4 layers, 8 x 32 bytes | 24 layers, 4 x 32 bytes |
|---|---|---|
| one after the other | 5.2 | 5.1 |
| `torch.func.vmap` over stacked weights, the model as it is | 4.1 | 2.9 |
| the same through `torch.compile` | 2.4 | 1.8 |

`vmap` misses the goal where most lessons are. `torch.compile` meets it, but takes 32 s (4 layers) and 71 s (24 layers) before its
first step and needs a C++ compiler, which a learner's machine need not have. A batch of models made by hand cost 3.7 and 2.4, and
would be a second model. So seeds run one after the other, or in processes of their own.
"""
SWEEP = """
## Sweeps

`stabilitylab sweep`, {runs} runs of {steps} steps, the start of the processes and the tables included.
"""
GRADING = """
## Grading

{assignment}, {jobs} processes; half of the class hands in the solution, half of it one answer of the bank. Plain nbgrader runs
`autograde` and `generate_feedback`; ours also probes every function with secret data in a sandbox, names misconceptions and
writes the pages and the CSV. The floor is a loaded process that forks for every submission and only defines what the learner
wrote.
"""
LESSONS = """
## Every lesson

From the first cell to the last in a fresh kernel, its start included.
"""
STARTING = """
## Until something is there

Medians; the first page is the time from `make lab` (set-up done before) to the first lesson in Chromium, with a new `work/`
folder and with the same once more.
"""
PANEL = """
## The live panel

Its share of a run's time in a kernel (200 steps, default settings), the plain picture that stays under it, and in Chromium the
redraws a second and the time from a press on Stop to the verdict.
"""


def page(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """The page as Markdown.

    Args:
        now: figures of the newest run, as ``benchmarks.__main__`` keeps them.
        before: those of an earlier run, which may lack parts; empty if there is none.
    """
    machine = "{processor}, {threads} threads, {system}, Python {python}, PyTorch {torch}".format(**now["machine"])
    earlier = f"- In brackets: {before['date']}, commit {before['commit']}.\n" if before else ""
    return "".join(
        [
            HEAD.format(date=now["date"], commit=now["commit"], machine=machine, before=earlier),
            STEP,
            _steps(now["step"], before.get("step", [])),
            TRIED,
            SWEEP.format(**now["sweeping"]),
            _rows(
                ("one process", "s", "one_s", 1),
                ("two processes", "s", "two_s", 1),
                ("one over two", "", "one_over_two", 2),
                now=now["sweeping"],
                before=before.get("sweeping", {}),
            ),
            GRADING.format(**now["grading"]),
            _grading(now["grading"], before.get("grading", {})),
            LESSONS,
            _lessons(now["lessons"], before.get("lessons", [])),
            STARTING,
            _rows(*((name, "s", name, 2) for name in now["starting"]), now=now["starting"], before=before.get("starting", {})),
            PANEL,
            _rows(
                ("share of a run's time", "", "share", 3),
                ("picture under the panel", "s", "picture_s", 2),
                ("redraws a second", "", "redraws_a_second", 1),
                ("Stop, median", "s", "stop_s", 2),
                ("Stop, slowest", "s", "slowest_stop_s", 2),
                now=now["panel"],
                before=before.get("panel", {}),
            ),
        ]
    )


def _steps(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str:
    earlier = {row["shape"]: row for row in before}
    times = ("ours_ms", "bare_ms", "nano_ms", "products_ms")
    ratios = ("ours_over_bare", "ours_over_nano", "ours_over_products")
    head = ("shape", "ours", "bare loop", "nanoGPT-shaped", "products", "ours/bare", "ours/nanoGPT", "ours/products")
    return _table(
        head,
        (
            (
                row["shape"],
                *(_figure(row, earlier.get(row["shape"], {}), name, "ms", 1 if row[name] >= 10 else 2) for name in times),
                *(_figure(row, earlier.get(row["shape"], {}), name, "", 2) for name in ratios),
            )
            for row in now
        ),
    )


def _grading(now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    earlier = {row["students"]: row["seconds"] for row in before.get("ours", [])}
    rows = [
        (f"the floor, {now['students']} students", _figure(now, before, "floor_s", "s", 1)),
        (f"plain nbgrader, {now['students']} students", _figure(now, before, "nbgrader_s", "s", 1)),
    ]
    for row in now["ours"]:
        old = {"seconds": earlier[row["students"]]} if row["students"] in earlier else {}
        each = row["seconds"] / row["students"]
        rows.append((f"ours, {row['students']} students", f"{_figure(row, old, 'seconds', 's', 1)}, {each:.2f} s a student"))
    rows.append(("plain nbgrader over ours", _figure(now, before, "nbgrader_over_ours", "", 1)))
    rows.append(("ours over the floor", _figure(now, before, "ours_over_floor", "", 1)))
    return _table(("", ""), rows)


def _lessons(now: Sequence[Mapping[str, Any]], before: Sequence[Mapping[str, Any]]) -> str:
    earlier = {row["lesson"]: row for row in before}
    rows = [(row["lesson"], _figure(row, earlier.get(row["lesson"], {}), "seconds", "s", 0)) for row in now]
    return _table(("", ""), [*rows, ("all", f"{sum(row['seconds'] for row in now):.0f} s")])


def _rows(*wanted: tuple[str, str, str, int], now: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    return _table(("", ""), ((name, _figure(now, before, key, unit, digits)) for name, unit, key, digits in wanted if key in now))


def _figure(now: Mapping[str, float], before: Mapping[str, float], name: str, unit: str, digits: int) -> str:
    figure = f"{now[name]:.{digits}f} {unit}".strip()
    return f"{figure} ({before[name]:.{digits}f})" if name in before else figure


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines)
