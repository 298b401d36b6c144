"""Experiments run over seeds, spread over processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import joblib

from stabilitylab.experiments import registry
from stabilitylab.experiments.seeds import DEFAULT_SEEDS


def results(
    name: str, seeds: Sequence[int] = DEFAULT_SEEDS, arms: Sequence[str] | None = None, jobs: int | None = None
) -> Iterator[Any]:
    """All arms of an experiment over all seeds, in order, each as soon as it and those before it are done.

    Args:
        name: of the experiment.
        seeds: default ``DEFAULT_SEEDS``.
        arms: default all.
        jobs: processes, default one per core.

    Raises:
        ValueError: if there is no such experiment, or it has no such arm.
    """
    yield from run_all([(name, arm, seed) for arm in arms or registry.get(name).arms for seed in seeds], jobs)


def run_all(tasks: Sequence[tuple[str, str, int]], jobs: int | None = None) -> Iterator[Any]:
    """Results of (experiment, arm, seed) in order, spread over processes, default one per core."""
    yield from joblib.Parallel(n_jobs=jobs or os.cpu_count() or 1, return_as="generator")(
        joblib.delayed(_run)(*task) for task in tasks
    )


def _run(name: str, arm: str, seed: int) -> Any:
    """One result. The experiment goes by its name: functions cannot be sent to another process."""
    return registry.get(name).run(arm, seed)
