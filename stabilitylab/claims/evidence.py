"""What the experiments gave when they were last recorded: ``data/evidence``, one file per experiment.

A file holds the settings and versions it was made with, how every expectation fared and what every quantity was on every
seed, and the curves of a few seeds for lessons to draw.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from stabilitylab import experiments, workspace
from stabilitylab.experiments import DEFAULT_SEEDS, FRESH_SEEDS, running
from stabilitylab.experiments.experiment import Experiment, Measured
from stabilitylab.training.telemetry import Run

FOLDER = workspace.DATA / "evidence"


@dataclass(frozen=True)
class Evidence:
    """One experiment's record.

    Attributes:
        made_with: versions of Python and PyTorch, and the corpus's hash.
        held: expectation -> seed -> whether it was seen.
        quantities: quantity -> seed -> number.
        runs: arm -> one result per curve seed.
    """

    made_with: Mapping[str, str]
    held: Mapping[str, Mapping[int, bool]]
    quantities: Mapping[str, Mapping[int, float]]
    runs: Mapping[str, Sequence[Any]]


def path(name: str) -> Path:
    """Where the record of an experiment is kept."""
    return FOLDER / f"{name}.json"


def record(name: str, jobs: int | None = None) -> Iterator[tuple[int, int]]:
    """Runs an experiment over its default, curve and fresh seeds and, when all are there, replaces its record.

    Args:
        name: of the experiment.
        jobs: processes, default one per core.

    Yields:
        (results there, results in all) after each result.
    """
    import torch

    from stabilitylab.training import corpus

    experiment = experiments.get(name)
    seeds = sorted({*DEFAULT_SEEDS, *experiment.curve_seeds, *FRESH_SEEDS})
    results = []
    for result in running.results(name, seeds, jobs=jobs):
        results.append(result)
        yield len(results), len(experiment.arms) * len(seeds)
    head = {
        "experiment": name,
        "made_with": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "corpus_sha256": corpus.load().sha256,
        },
        "seeds": {
            "tolerances": seed_range(DEFAULT_SEEDS),
            "fresh": seed_range(FRESH_SEEDS),
            "curves": seed_range(experiment.curve_seeds),
        },
    }
    held = {outcome.name: {seed: int(ok) for seed, ok in outcome.held.items()} for outcome in experiment.check(results)}
    quantities = {key: {seed: _short(value) for seed, value in row.items()} for key, row in experiment.measure(results).items()}
    kept = [_plain(experiment, result) for result in results if result.seed in experiment.curve_seeds]
    blocks = [json.dumps(head)[1:-1], f'"held": {_rows(held)}', f'"figures": {_rows(quantities)}']
    runs = ",\n".join(json.dumps(run, separators=(",", ":")) for run in kept)
    workspace.write_atomically(path(name), "{" + ",\n".join(blocks) + f',\n"runs": [\n{runs}\n]}}\n')
    load.cache_clear()


@cache
def load(name: str) -> Evidence:
    """The record of an experiment.

    Raises:
        FileNotFoundError: if none is kept, saying how to make it.
    """
    experiments.get(name)
    if not path(name).exists():
        raise FileNotFoundError(f"{path(name)} does not exist; `stabilitylab record {name}` makes it")
    data = json.loads(path(name).read_text())
    runs: dict[str, list[Any]] = {}
    for run in data["runs"]:
        result = _measured(**run) if "values" in run else Run.from_dict(run)
        runs.setdefault(result.label, []).append(result)
    held = {key: {int(seed): bool(ok) for seed, ok in seeds.items()} for key, seeds in data["held"].items()}
    quantities = {key: {int(seed): float(value) for seed, value in seeds.items()} for key, seeds in data["figures"].items()}
    return Evidence(data["made_with"], held, quantities, runs)


def recorded(name: str) -> Mapping[str, Sequence[Any]]:
    """The recorded curves of an experiment: arm -> one run per curve seed.

    Raises:
        FileNotFoundError: if none are kept, saying how to make them.
    """
    return load(name).runs


def spread(values: Sequence[float], unit: str = "") -> str:
    """``"2.41 nats (2.37 to 2.45)"``: median, lowest and highest; values that are not finite count as infinite."""
    ordered = sorted(value if math.isfinite(value) else math.inf for value in values)
    middle, low, high = (f"{value:.3g}" for value in (median(ordered), ordered[0], ordered[-1]))
    named = f"{middle} {unit}" if unit else middle
    return named if low == high else f"{named} ({low} to {high})"


def seed_range(seeds: Sequence[int]) -> str:
    """Consecutive seeds as the terminal takes them: ``"0-4"``."""
    return f"{seeds[0]}-{seeds[-1]}"


def _rows(table: Mapping[str, Mapping[int, Any]]) -> str:
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {json.dumps(row)}" for key, row in table.items()) + "\n}"


def _plain(experiment: Experiment, result: Any) -> dict[str, Any]:
    if isinstance(result, Measured):
        return {"label": result.label, "seed": result.seed, "values": {k: _short(v) for k, v in result.values.items()}}
    data = result.to_dict()
    data["columns"] = {name: [_short(value) for value in data["columns"][name]] for name in experiment.columns}
    return data


def _measured(label: str, seed: int, values: Mapping[str, float | str]) -> Measured:
    """The inverse of ``_plain`` for a measurement; inf and NaN are numbers again."""
    return Measured(label, seed, {key: float(value) if isinstance(value, str) else value for key, value in values.items()})


def _short(value: float | str | bool) -> float | str | int:
    """Four significant digits, 0 or 1 for a bool, and a word for inf and NaN: the files are kept in git."""
    if isinstance(value, bool):
        return int(value)
    if not isinstance(value, float):
        return value
    return float(f"{value:.4g}") if math.isfinite(value) else repr(value)
