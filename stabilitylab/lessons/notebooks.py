"""Notebooks are derived: people edit the percent-format ``.py``, this makes the ``.ipynb`` beside it.

python -m stabilitylab.lessons.notebooks [NAME ...]     derive and execute the lessons (all, or those named)
python -m stabilitylab.lessons.notebooks --check [...]  exit 1 if a lesson and its notebook differ in source, or a number in its
                                                        prose is found nowhere
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from nbformat import NotebookNode

from stabilitylab import workspace
from stabilitylab.lessons.proofreading import unsupported

LESSONS = workspace.ROOT / "notebooks"
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def derive(source: Path) -> NotebookNode:
    """The notebook a percent-format file describes, without outputs; the same file always gives the same notebook."""
    notebook = jupytext.read(source, fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell["id"] = cell.metadata.get("nbgrader", {}).get("grade_id", f"cell-{number:02d}").replace("_", "-")
    return notebook


def execute(notebook: NotebookNode, folder: Path, timeout: int = 120) -> float:
    """Runs a notebook top to bottom in a fresh kernel, in place; returns the seconds it took.

    Predictions and other personal files go to a temporary folder, so that an executed notebook never shows somebody's own.

    Raises:
        nbclient.exceptions.CellExecutionError: if a cell fails.
    """
    from nbclient import NotebookClient

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as work:
        client = NotebookClient(
            notebook,
            timeout=timeout,
            resources={"metadata": {"path": str(folder)}},
            store_widget_state=False,
            coalesce_streams=True,
        )
        client.execute(env=os.environ | {"STABILITYLAB_WORK": work})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", ()):
            # a widget lives as long as its kernel; without this JupyterLab and code hosts show what stands in for it
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    return time.perf_counter() - start


def write(notebook: NotebookNode, path: Path) -> None:
    """Writes a valid notebook file, whole or not at all."""
    nbformat.validate(notebook)
    workspace.write_atomically(path, nbformat.writes(notebook) + "\n")


def _kept(source: Path) -> NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def differs(source: Path) -> bool:
    """Whether the notebook beside a percent-format file is missing or has other cells than the file describes."""
    path = source.with_suffix(".ipynb")
    if not path.exists():
        return True
    cells = [(c.cell_type, c.source) for c in _kept(source).cells]
    return cells != [(c.cell_type, c.source) for c in derive(source).cells]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m stabilitylab.lessons.notebooks", description="Derive and execute the lessons."
    )
    parser.add_argument("names", nargs="*", help="such as 01_constant_lr_adam; default all")
    parser.add_argument("--check", action="store_true", help="only say whether sources, notebooks and evidence agree")
    options = parser.parse_args(arguments)
    sources = [LESSONS / f"{name}.py" for name in options.names] or sorted(LESSONS.glob("*.py"))
    missing = [source for source in sources if not source.exists()]
    if missing:
        print(f"{missing[0]} does not exist", file=sys.stderr)
        return 2
    if options.check:
        stale = [source.name for source in sources if differs(source)]
        for name in stale:
            print(f"{name} and its notebook differ; run `make notebooks`", file=sys.stderr)
        wrong = [(source, found) for source in sources if source.name not in stale for found in unsupported(_kept(source))]
        for source, found in wrong:
            print(f"{source.name}: nothing supports {found.number} in: {found.sentence}", file=sys.stderr)
        return 1 if stale or wrong else 0
    for source in sources:
        notebook = derive(source)
        seconds = execute(notebook, LESSONS)
        write(notebook, source.with_suffix(".ipynb"))
        print(f"{source.stem}: {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
