"""Many runs: a grid of settings over a plain run or an experiment's arm, finished once, on one machine or many.

``grid`` turns words such as ``lr=1e-4..1e-1:12`` into settings, ``tasks`` says what one run of a sweep is and runs it,
``running`` spreads them over processes or a Dask cluster, ``store`` keeps what is finished. From a lesson::

    from stabilitylab import sweeps

    frame = sweeps.sweep(["lr=1e-4..1e-1:8", "model.width=32,64", "seeds=0-2"], steps=100)
"""

from stabilitylab.sweeps.grid import Grid, parse
from stabilitylab.sweeps.running import Plan, plan, sweep
from stabilitylab.sweeps.tasks import Task

__all__ = ["Grid", "Plan", "Task", "parse", "plan", "sweep"]
