"""Wall time of `autograder grade` against plain `nbgrader autograde` and `generate_feedback` on the same notebooks, one after the
other on this machine.

    .venv/bin/python benchmarks/grading.py [--students 20] [--assignment a1_clipping] [--jobs N]

Half of the class hands in the solution, half of it one answer of the bank, wrong or right. Ours also writes the CSV, which
nbgrader's commands do not.
"""

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat

from autograder import bank
from stabilitylab import workspace

SCRIPTS = Path(sys.executable).parent


def make_class(folder: Path, name: str, students: int) -> None:
    solution = workspace.ROOT / "solutions" / name / f"{name}.ipynb"
    answers = itertools.cycle(bank.answers(name)[::5])
    for number in range(students):
        made = nbformat.read(solution, as_version=4)
        if number % 2:
            answer = next(answers)
            target = f"{answer.question}_code"
            for cell in made.cells:
                if cell.metadata.get("nbgrader", {}).get("grade_id") == target:
                    cell.source = answer.source
        path = folder / f"student{number:03d}" / name / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(made, path)


def timed(command: list[str], folder: Path, **environment: str) -> float:
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=os.environ | environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--students", type=int, default=20)
    parser.add_argument("--assignment", default="a1_clipping")
    parser.add_argument("--jobs", default=str(os.cpu_count()))
    options = parser.parse_args()
    name = options.assignment
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        make_class(folder / "submitted", name, options.students)
        ours = timed(
            [
                str(SCRIPTS / "autograder"),
                "grade",
                name,
                "--submissions",
                "submitted",
                "--workdir",
                "ours",
                "--jobs",
                options.jobs,
            ],
            folder,
        )
        (folder / "source" / name).mkdir(parents=True)
        solution = workspace.ROOT / "solutions" / name / f"{name}.ipynb"
        (folder / "source" / name / solution.name).write_bytes(solution.read_bytes())
        path = f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"
        timed([str(SCRIPTS / "nbgrader"), "generate_assignment", name, "--create"], folder, PATH=path)
        executed = timed([str(SCRIPTS / "nbgrader"), "autograde", name, "--create", "--force"], folder, PATH=path)
        pages = timed([str(SCRIPTS / "nbgrader"), "generate_feedback", name], folder, PATH=path)
    print(
        f"{options.students} students, {name}: plain nbgrader {executed:.1f} s and {pages:.1f} s for its pages, "
        f"autograder grade {ours:.1f} s, {(executed + pages) / ours:.1f} times faster"
    )


if __name__ == "__main__":
    main()
