"""Named experiments: data plus a check.

An experiment is a set of arms (run settings that differ in what is on trial), seeds, and expectations that must hold over
the seeds. Lessons, tests and the terminal all run the same ones, so that nothing a lesson states is a number nobody can
re-derive. Records of past runs are kept in ``data/evidence``; ``record`` makes them again.

Add one by writing a module here that defines ``EXPERIMENT`` objects and naming it in ``_MODULES``.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import joblib

from stabilitylab import workspace
from stabilitylab.telemetry import Run
from stabilitylab.training import RunConfig, Trainer

_MODULES = ("constant_lr", "no_norms", "fp16_weights")
EVIDENCE = workspace.DATA / "evidence"
RECORDED_COLUMNS = ("step", "loss", "grad_norm", "clipped", "update_ratio", "nonfinite_fraction")


@dataclass(frozen=True)
class Arm:
    """One configuration on trial.

    Attributes:
        config: the run's settings; the seed is filled in per run.
        about: what is different about it, as a phrase.
    """

    config: RunConfig
    about: str


@dataclass(frozen=True)
class Expectation:
    """Something that must be seen in nearly every seed.

    Attributes:
        states: the sentence that is checked.
        holds: from arm name -> that arm's run, all of one seed, to whether it was seen.
        share: the least share of seeds in which it must hold.
    """

    states: str
    holds: Callable[[Mapping[str, Run]], bool]
    share: float = 0.9


@dataclass(frozen=True)
class Outcome:
    """How an expectation fared: it held in ``count`` of ``total`` seeds, and ``ok`` says whether that is enough."""

    expectation: Expectation
    count: int
    total: int

    @property
    def ok(self) -> bool:
        return self.count >= self.expectation.share * self.total


@dataclass(frozen=True)
class Experiment:
    """Arms, seeds, and what they show.

    Attributes:
        name: how the terminal and the evidence files call it.
        question: what is on trial.
        arms: name -> arm.
        expectations: what is checked.
        shows: one paragraph: what the runs show.
        does_not_show: what they do not.
        seeds: the seeds of the recorded evidence. Tolerances were set on other seeds; the modules say which.
    """

    name: str
    question: str
    arms: Mapping[str, Arm]
    expectations: Sequence[Expectation]
    shows: str
    does_not_show: str
    seeds: Sequence[int] = (0, 1, 2, 3, 4)

    def trainer(self, arm: str, seed: int) -> Trainer:
        """A run of one arm, not yet started.

        Raises:
            ValueError: if there is no such arm.
        """
        if arm not in self.arms:
            raise ValueError(f"arm is {arm!r}; {self.name} has {', '.join(self.arms)}")
        return Trainer(self.arms[arm].config.replace(seed=seed))

    def run(self, arm: str, seed: int) -> Run:
        """A whole run of one arm."""
        trainer = self.trainer(arm, seed)
        return trainer.result(list(trainer.steps()), label=arm)

    def runs(
        self, seeds: Sequence[int] | None = None, arms: Sequence[str] | None = None, jobs: int | None = None
    ) -> Iterator[Run]:
        """All arms over all seeds, spread over processes, in order, each as soon as it and those before it are done.

        Args:
            seeds: default the experiment's own.
            arms: default all.
            jobs: processes, default one per core.
        """
        tasks = [
            joblib.delayed(_run)(self.name, arm, seed)
            for arm in arms or self.arms
            for seed in (self.seeds if seeds is None else seeds)
        ]
        yield from joblib.Parallel(n_jobs=jobs or os.cpu_count() or 1, return_as="generator")(tasks)

    def check(self, runs: Sequence[Run]) -> list[Outcome]:
        """How each expectation fares over the seeds for which every arm was run."""
        by_seed: dict[int, dict[str, Run]] = {}
        for run in runs:
            by_seed.setdefault(run.seed, {})[run.label] = run
        complete = [arms for arms in by_seed.values() if len(arms) == len(self.arms)]
        return [Outcome(e, sum(bool(e.holds(arms)) for arms in complete), len(complete)) for e in self.expectations]


def _run(name: str, arm: str, seed: int) -> Run:
    return get(name).run(arm, seed)


@cache
def all_experiments() -> dict[str, Experiment]:
    """Every experiment by name, in teaching order."""
    found = [importlib.import_module(f"{__name__}.{module}").EXPERIMENT for module in _MODULES]
    return {experiment.name: experiment for experiment in found}


def get(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ValueError: if there is none.
    """
    if name not in all_experiments():
        raise ValueError(f"name is {name!r}; the experiments are {', '.join(all_experiments())}")
    return all_experiments()[name]


def evidence_file(name: str) -> Path:
    """Where the records of an experiment are kept."""
    return EVIDENCE / f"{name}.json"


def record(name: str, jobs: int | None = None, progress: Callable[[int, int], None] = lambda done, total: None) -> Path:
    """Runs an experiment over its seeds and replaces its recorded evidence.

    Args:
        name: of the experiment.
        jobs: processes, default one per core.
        progress: called with (runs done, runs in all) after each run.

    Returns:
        The file written.
    """
    import torch

    from stabilitylab import corpus

    experiment = get(name)
    total = len(experiment.arms) * len(experiment.seeds)
    runs = []
    for run in experiment.runs(jobs=jobs):
        runs.append(run)
        progress(len(runs), total)
    made_with = {"python": platform.python_version(), "torch": torch.__version__, "corpus_sha256": corpus.load().sha256}
    lines = [json.dumps(_compact(run), separators=(",", ":")) for run in runs]
    text = f'{{"experiment": {json.dumps(name)}, "made_with": {json.dumps(made_with)}, "runs": [\n' + ",\n".join(lines) + "\n]}\n"
    workspace.write_atomically(evidence_file(name), text)
    recorded.cache_clear()
    return evidence_file(name)


def _compact(run: Run) -> dict:
    data = run.to_dict()
    columns = {name: data["columns"][name] for name in RECORDED_COLUMNS}
    data["columns"] = {name: [_short(value) for value in values] for name, values in columns.items()}
    return data


def _short(value: float | str | bool) -> float | str | int:
    """Four significant digits, and 0 or 1 for a bool: the files are kept in git."""
    return float(f"{value:.4g}") if isinstance(value, float) else int(value) if isinstance(value, bool) else value


@cache
def recorded(name: str) -> dict[str, list[Run]]:
    """The recorded runs of an experiment: arm -> one run per seed.

    Raises:
        FileNotFoundError: if none are kept, saying how to make them.
    """
    path = evidence_file(get(name).name)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; `stabilitylab record {name}` makes it")
    groups: dict[str, list[Run]] = {}
    for data in json.loads(path.read_text())["runs"]:
        run = Run.from_dict(data)
        groups.setdefault(run.label, []).append(run)
    return groups
