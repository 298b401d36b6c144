"""``autograder release``, ``collect``, ``grade``, ``export`` and ``bank``."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from autograder.sandbox.host import Sandbox


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0 done, 1 a check does not hold, 2 a mistake in the command, or something that
    does not let it go on, 130 stopped with Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, OSError, RuntimeError) as error:
        print(f"autograder: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        goes_on = "; what is graded so far is kept, and the same command goes on from there" if options.command is _grade else ""
        print(f"\nautograder: stopped{goes_on}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autograder", description="Release assignments and grade them.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    release = commands.add_parser(
        "release", help="make exercises/ from solutions/", description="Make exercises/ and the visible checks from solutions/."
    )
    release.add_argument("names", nargs="*", metavar="NAME", help="such as a1_clipping; default all")
    release.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if exercises/ is not exactly what solutions/ gives"
    )
    release.add_argument(
        "--shuffle",
        action="store_true",
        help="give the choices of quiz questions in a new order; without it they keep the one they have",
    )
    release.set_defaults(command=_release)

    grade = commands.add_parser("grade", help="grade a folder of submissions", description="Grade a folder of submissions.")
    grade.add_argument("name", metavar="NAME", help="such as a1_clipping")
    grade.add_argument("--submissions", type=Path, required=True, metavar="DIR", help="holds STUDENT/NAME/NAME.ipynb")
    grade.add_argument("--report", type=Path, metavar="FILE", help="write the report here as JSON; default: print a table")
    grade.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="submissions judged at once, default one per core"
    )
    grade.add_argument(
        "--workdir",
        type=Path,
        metavar="DIR",
        help="where gradebook.db, autograded/, feedback/ and grades.csv go; default autograder/",
    )
    grade.add_argument(
        "--dask", metavar="ADDRESS", help="judge on the workers of a Dask scheduler, such as tcp://HOST:8786, or local"
    )
    grade.set_defaults(command=_grade)

    collect = commands.add_parser(
        "collect",
        help="collect what Moodle, Canvas or people hand over",
        description="Copy every submission in a folder or a zip to DIR/STUDENT/ASSIGNMENT; say of each file what became of it.",
    )
    collect.add_argument("name", metavar="ASSIGNMENT", help="such as a1_clipping")
    collect.add_argument("source", type=Path, metavar="FILE_OR_FOLDER", help="a platform's zip, or a folder of submissions")
    collect.add_argument("--into", type=Path, required=True, metavar="DIR", help="gets the submissions and roster.csv")
    collect.add_argument(
        "--take",
        action="append",
        default=[],
        metavar="PATH",
        help="of several files of one student, the one to take, written as it was printed; may be given many times",
    )
    collect.set_defaults(command=_collect)

    export = commands.add_parser(
        "export", help="write points for Moodle or Canvas", description="Write the CSV of points that Moodle or Canvas imports."
    )
    export.add_argument("name", metavar="ASSIGNMENT", help="such as a1_clipping")
    export.add_argument("--for", dest="platform", choices=("moodle", "canvas"), required=True)
    export.add_argument("--submissions", type=Path, required=True, metavar="DIR", help="what was collected into, with roster.csv")
    export.add_argument(
        "--gradebook",
        type=Path,
        metavar="FILE",
        help="Moodle's grading worksheet, or the gradebook that the platform exports, to fill in; default: list the roster",
    )
    export.add_argument("--column", metavar="TITLE", help="the column to fill in, if it is not named after the assignment")
    export.add_argument("--to", type=Path, metavar="FILE", help="the CSV to write; default DIR/ASSIGNMENT-PLATFORM.csv")
    export.add_argument("--workdir", type=Path, metavar="DIR", help="where grade put gradebook.db; default autograder/")
    export.set_defaults(command=_export)

    bank = commands.add_parser(
        "bank", help="try the grader on known answers", description="Grade the bank of wrong and right answers."
    )
    bank.add_argument("names", nargs="*", metavar="NAME", help="such as a1_clipping; default all")
    bank.set_defaults(command=_bank)
    return parser


def _release(options: argparse.Namespace) -> int:
    from autograder.release import release

    found = release(options.names, options.check, options.shuffle)
    for line in found:
        print(f"{line} differs from its source" if options.check else f"Wrote {line}")
    if not found:
        print("exercises/ is exactly what solutions/ gives.")
    return 1 if options.check and found else 0


def _grade(options: argparse.Namespace) -> int:
    from concurrent.futures import ThreadPoolExecutor

    from autograder.interrupting import deaf
    from autograder.sandbox.host import Sandbox
    from stabilitylab import workspace

    if options.jobs < 1:
        raise ValueError(f"--jobs is {options.jobs}; it must be at least 1")
    if options.report:
        if options.report.exists() and not options.report.is_file():
            raise ValueError(f"--report is {options.report}, which is not a file; name a file that may be written or replaced")
        workspace.make_folder(options.report.absolute().parent)
    # the sandbox loads PyTorch while this process loads nbgrader; its process lives as long as the thread that started it
    with ThreadPoolExecutor(1, initializer=deaf) as starter:
        starting = starter.submit(Sandbox)
        try:
            return _grade_in(starting.result, options)
        finally:
            starting.result().close()


@contextlib.contextmanager
def _without(module: str) -> Iterator[None]:
    """Leaves a module out of what is imported within. jsonschema can check addresses with this one, which reads a grammar for a
    second, a quarter of all imports; no notebook has any."""
    known = sys.modules.get(module)
    if known is None:
        sys.modules[module] = None  # type: ignore[assignment]  # as the language has it: importing it fails
    try:
        yield
    finally:
        if known is None:
            del sys.modules[module]


def _grade_in(start: Callable[[], Sandbox], options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import Progress, TaskID
    from rich.table import Table

    from stabilitylab import workspace

    with _without("rfc3987_syntax"):
        from autograder import course
        from autograder.grading import grade

    workdir = (options.workdir or course.WORKDIR).resolve()
    console = Console(stderr=True)
    with Progress(console=console) as bar:
        tasks: dict[str, TaskID] = {}

        def progress(doing: str, done: int, total: int) -> None:
            if doing not in tasks:
                tasks[doing] = bar.add_task(doing, total=total)
            bar.update(tasks[doing], completed=done)

        report = grade(
            options.name,
            options.submissions.absolute(),
            workdir=workdir,
            jobs=options.jobs,
            progress=progress,
            warn=lambda sentence: bar.console.print(sentence, style="bold red", markup=False),
            start=start,
            dask=options.dask,
        )
    table = Table("student", "status", "score", "first sentence")
    for student, result in report["students"].items():
        sentences = [
            sentence for question in result["questions"].values() if not question["manual"] for sentence in question["feedback"]
        ]
        first = result["problem"] or (sentences[0] if sentences else "")
        table.add_row(escape(student), result["status"], f"{result['score']:g} of {result['max']:g}", escape(first))
    Console().print(table)
    if options.report:
        workspace.write_atomically(options.report, json.dumps(report, indent=1) + "\n")
        print(f"Report: {options.report}")
    print(f"Gradebook, feedback pages and grades.csv: {workdir}")
    return 1 if any(result["status"] == "refused" for result in report["students"].values()) else 0


def _collect(options: argparse.Namespace) -> int:
    from autograder.collecting import collect

    decided = collect(options.name, options.source, options.into, take=options.take)
    print(f"Submissions and roster.csv: {options.into}" + ("" if decided else "; some files above wait for you"))
    return 0 if decided else 1


def _export(options: argparse.Namespace) -> int:
    from autograder import course
    from autograder.exporting import export

    target = options.to or options.submissions / f"{options.name}-{options.platform}.csv"
    complete = export(
        options.name,
        options.platform,
        options.submissions,
        target,
        gradebook=options.gradebook,
        column=options.column,
        workdir=(options.workdir or course.WORKDIR).resolve(),
    )
    print(f"Points for {options.platform.capitalize()}: {target}")
    return 0 if complete else 1


def _bank(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from autograder import bank
    from autograder.trial import try_bank

    names = options.names or bank.assignments()
    problems: list[str] = []
    console = Console()
    for name in names:
        trial = try_bank(name)
        for grade_id, probes in trial.probes.items():
            table = Table(title=f"{name}/{grade_id}", title_justify="left", box=None, padding=(0, 1), expand=True)
            for column, width in (("answer", 24), ("share", 5), ("caught by", 16)):
                table.add_column(column, no_wrap=True, min_width=width)
            table.add_column("first sentence", no_wrap=True, overflow="ellipsis", ratio=1)  # what is left of the line
            verdicts = [verdict for verdict in trial.verdicts if verdict.answer.question == grade_id]
            for verdict in verdicts:
                table.add_row(
                    verdict.answer.name,
                    f"{verdict.mark.share:.0%}",
                    " ".join(str(probes.index(probe) + 1) for probe in verdict.caught_by),
                    verdict.problem or (verdict.mark.feedback or ("",))[0],
                    style=None if verdict.problem is None else "red",
                )
            console.print(table)
            for number, probe in enumerate(probes, start=1):
                console.print(f"  {number} {probe} catches {sum(probe in verdict.caught_by for verdict in verdicts)}")
            console.print()
        problems += trial.problems
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0
