"""A sweep's runs spread over this machine's processes or over a Dask cluster, each finished once."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stabilitylab import workspace
from stabilitylab.sweeps import tasks as tasks_module
from stabilitylab.sweeps.clusters import answering, cluster
from stabilitylab.sweeps.grid import parse
from stabilitylab.sweeps.store import Store
from stabilitylab.sweeps.tasks import Result, Task

if TYPE_CHECKING:
    import pandas

Progress = Callable[[int, int], None]
"""Called with how many runs are finished, and how many there are."""


def sweep(
    words: Sequence[str],
    *,
    experiment: str | None = None,
    arm: str | None = None,
    into: Path | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    progress: Progress = lambda done, total: None,
    **fixed: Any,
) -> pandas.DataFrame:
    """Runs every combination of some settings; what is finished already is not run again.

    Args:
        words: the grid, such as ``["lr=1e-4..1e-1:12", "model.width=32,64", "seeds=0-4"]``, see ``grid``.
        experiment: sweep over one of its arms, default over a plain run.
        arm: of the experiment, default its first.
        into: the sweep's folder, default one in ``work/sweeps`` named after the base and the fields. Runs found in it count.
        jobs: processes, default one a core.
        dask: address of a Dask scheduler, such as ``"tcp://10.0.0.1:8786"``, or ``"local"``; default none, joblib's processes.
        progress: called at once, and after every run.
        fixed: further settings, the same for every run, such as ``steps=100``.

    Returns:
        One row a run, in the grid's order: settings, verdict, figures. The same is in ``results.parquet`` of the folder, and
        every step in ``curves.parquet``.

    Raises:
        ValueError: if a setting is unknown or cannot be run, before anything is.
        OSError: if the folder cannot be written to, or the scheduler does not answer or dies; what is finished is kept.
    """
    return plan(words, experiment=experiment, arm=arm, into=into, **fixed).run(jobs, dask, progress)


@dataclass(frozen=True)
class Plan:
    """The runs of a sweep, every one of which can be made, and the folder that keeps them."""

    tasks: list[Task]
    folder: Path

    def run(
        self, jobs: int | None = None, dask: str | None = None, progress: Progress = lambda done, total: None
    ) -> pandas.DataFrame:
        """See ``sweep``."""
        store = Store(self.folder)
        workspace.make_folder(store.folder / "runs")
        waiting = [task for task in self.tasks if store.read(task) is None]
        total = len(self.tasks)
        progress(total - len(waiting), total)
        try:
            # closed at once when something goes wrong, so that no process outlives its sweep
            with contextlib.closing(finished(waiting, jobs, dask)) as results:
                for done, (task, result) in enumerate(results, start=total - len(waiting) + 1):
                    store.keep(task, result)
                    progress(done, total)
        finally:
            frame = store.tables(self.tasks)
        return frame


def plan(
    words: Sequence[str],
    *,
    experiment: str | None = None,
    arm: str | None = None,
    into: Path | None = None,
    **fixed: Any,
) -> Plan:
    """What ``sweep`` with these arguments would run.

    Raises:
        ValueError: if a run cannot be made.
    """
    if experiment is not None and arm is None:
        from stabilitylab import experiments

        arm = next(iter(experiments.get(experiment).arms))
    found = [Task({**fixed, **settings}, experiment, arm) for settings in parse(words)]
    tasks_module.check(found)
    return Plan(found, into or _default_folder(found))


def _default_folder(tasks: Sequence[Task]) -> Path:
    """``work/sweeps/BASE-FIELDS``: the same sweep, and a finer one of the same fields, find what was finished before."""
    first = tasks[0]
    base = f"{first.experiment}-{first.arm}" if first.experiment else "plain"
    fields = "-".join(name.removeprefix("model.") for name in first.settings)
    return workspace.WORK / "sweeps" / f"{base}-{fields}"


def finished(
    tasks: Sequence[Task], jobs: int | None = None, dask: str | None = None
) -> Generator[tuple[Task, Result], None, None]:
    """Runs, each as soon as it is done, in any order."""
    if tasks:
        yield from _on_this_machine(tasks, jobs or os.cpu_count() or 1) if dask is None else _on_a_cluster(tasks, dask)


def _on_this_machine(tasks: Sequence[Task], jobs: int) -> Iterator[tuple[Task, Result]]:
    import joblib

    yield from joblib.Parallel(n_jobs=jobs, return_as="generator_unordered")(joblib.delayed(_one)(task) for task in tasks)


def _one(task: Task) -> tuple[Task, Result]:
    return task, tasks_module.run(task)


def _on_a_cluster(tasks: Sequence[Task], address: str) -> Iterator[tuple[Task, Result]]:
    from distributed import as_completed

    with cluster(address) as client, answering():
        futures = {client.submit(_one, task, key=f"sweep-{task.key}", retries=2): task for task in tasks}
        for future in as_completed(futures):
            yield future.result()
            future.release()
