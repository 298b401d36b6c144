"""What a sweep has finished: one file a run while it goes on, and two tables for pandas.

=================== ===============================================================
``runs/KEY.json``   a finished run: its row, its curves; written whole or not at all
``results.parquet`` one row a run: settings, verdict, figures
``curves.parquet``  one row a step: key, step, loss and what else was measured
=================== ===============================================================
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path

import pandas

from stabilitylab import workspace
from stabilitylab.sweeps.tasks import Result, Task


class Store:
    """The folder of a sweep.

    Args:
        folder: made when the first run is kept.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    def read(self, task: Task) -> Result | None:
        """A finished run, None if it is not finished, or its file was damaged and it is to be made again."""
        try:
            data = json.loads((self.folder / "runs" / f"{task.key}.json").read_text(encoding="utf-8"))
            return Result(data["row"], data["curves"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, task: Task, result: Result) -> None:
        """Keeps a finished run.

        Raises:
            OSError: if it cannot be written.
        """
        path = self.folder / "runs" / f"{task.key}.json"
        workspace.make_folder(path.parent)
        workspace.write_atomically(path, json.dumps({"row": result.row, "curves": result.curves}))

    def tables(self, tasks: Sequence[Task]) -> pandas.DataFrame:
        """Writes both tables of the finished ones of some runs, and returns the first."""
        found = [result for result in map(self.read, tasks) if result is not None]
        frame = pandas.DataFrame([dict(result.row) for result in found])
        curves = [pandas.DataFrame({"key": r.row["key"], "step": range(r.row["steps_run"]), **r.curves}) for r in found]
        for name, table in (("results", frame), ("curves", pandas.concat(curves, ignore_index=True) if curves else frame)):
            buffer = io.BytesIO()
            table.to_parquet(buffer, index=False)
            workspace.make_folder(self.folder)
            workspace.write_atomically(self.folder / f"{name}.parquet", buffer.getvalue())
        return frame
