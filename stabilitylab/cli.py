"""The terminal's door: ``stabilitylab list``, ``run``, ``check``, ``record``.

Heavy modules are imported inside the commands, so that ``--help`` and a mistyped word answer at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0 done, 1 an expectation does not hold, 2 a mistake in the command."""
    options = _parser().parse_args(arguments)
    try:
        return options.command(options)
    except (ValueError, OSError) as error:
        print(f"stabilitylab: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstabilitylab: interrupted", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stabilitylab", description="Train small Transformers that come apart, and see why.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, command, summary: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        made.set_defaults(command=command)
        return made

    add("list", _list, "List the experiments and their arms.")

    run = add("run", _run, "Train one arm of an experiment, with live progress, a verdict and a figure.")
    run.add_argument("experiment", help="such as constant-lr")
    run.add_argument("--arm", help="default: the experiment's first")
    run.add_argument("--seed", type=int, default=0, help="default 0")
    run.add_argument("--json", type=Path, metavar="FILE", help="also write every step record to FILE")
    run.add_argument("--figure", type=Path, metavar="FILE", help="where the PNG goes, default work/runs/EXPERIMENT-ARM-SEED.png")

    check = add("check", _check, "Run every arm over several seeds and check what the experiment states.")
    check.add_argument("experiment", help="such as constant-lr")
    check.add_argument("--seeds", type=_seed_range, metavar="A-B", help="default: the experiment's own")
    check.add_argument("--jobs", type=int, help="processes, default one per core")

    record = add("record", _record, "Make the recorded evidence of an experiment again (data/evidence).")
    record.add_argument("experiment", help="such as constant-lr")
    record.add_argument("--jobs", type=int, help="processes, default one per core")

    add("copy-exercises", _copy_exercises, "Copy exercises into work/; files that exist there are left alone.")
    return parser


def _seed_range(text: str) -> range:
    first, _, last = text.partition("-")
    try:
        seeds = range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a range of seeds; write it as 20-24") from None
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} holds no seed; write the lower one first, as in 20-24")
    return seeds


def _list(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.table import Table

    from stabilitylab import experiments

    console = Console()
    for experiment in experiments.all_experiments().values():
        table = Table(
            title=f"[bold]{experiment.name}[/bold]: {experiment.question}",
            title_justify="left",
            box=None,
            show_header=False,
            padding=(0, 2),
        )
        for name, arm in experiment.arms.items():
            table.add_row(name, arm.about)
        console.print(table)
        console.print()
    console.print("Run one with: stabilitylab run EXPERIMENT --arm ARM --seed 0", style="dim")
    return 0


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from stabilitylab import experiments, plots, workspace
    from stabilitylab.diagnosis import diagnose

    experiment = experiments.get(options.experiment)
    arm = options.arm or next(iter(experiment.arms))
    trainer = experiment.trainer(arm, options.seed)
    console = Console()
    console.print(f"[bold]{experiment.name}[/bold] / {arm}, seed {options.seed}: {experiment.arms[arm].about}")
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    records = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=trainer.config.steps)
        for record in trainer.steps():
            records.append(record)
            progress.update(
                task, advance=1, description=f"loss {record.loss:.4g}  norm {record.grad_norm:.3g}  LR {record.lr:.2g}"
            )
    run = trainer.result(records, label=arm)
    diagnosis = diagnose(run)
    console.print(f"Verdict: [bold]{diagnosis.verdict}[/bold]. {diagnosis.reason}")
    if options.json:
        outcome = {"experiment": experiment.name, "verdict": diagnosis.verdict, "reason": diagnosis.reason}
        workspace.write_atomically(options.json, json.dumps(outcome | run.to_dict()))
        console.print(f"Records: {options.json}", soft_wrap=True)
    figure = options.figure or workspace.WORK / "runs" / f"{experiment.name}-{arm}-{options.seed}.png"
    title = f"{experiment.name} / {arm}, seed {options.seed}: {diagnosis.verdict}"
    plots.panels({arm: [run]}, ("loss", "grad_norm", "update_ratio", "lr"), title).save(figure)
    console.print(f"Figure: {figure}", soft_wrap=True)
    return 0


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from stabilitylab import experiments

    experiment = experiments.get(options.experiment)
    seeds = options.seeds or experiment.seeds
    console = Console()
    runs = list(
        track(experiment.runs(seeds, jobs=options.jobs), "Training", total=len(experiment.arms) * len(seeds), console=console)
    )
    outcomes = experiment.check(runs)
    for outcome in outcomes:
        mark = "[green]holds[/green]" if outcome.ok else "[red]FAILS[/red]"
        console.print(f"{mark}  {outcome.count} of {outcome.total} seeds  {outcome.expectation.states}")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _record(options: argparse.Namespace) -> int:
    from rich.progress import Progress

    from stabilitylab import experiments

    with Progress() as progress:
        task = progress.add_task(f"Recording {options.experiment}", total=None)
        path = experiments.record(
            options.experiment, options.jobs, lambda done, total: progress.update(task, completed=done, total=total)
        )
    print(f"Wrote {path}")
    return 0


def _copy_exercises(options: argparse.Namespace) -> int:
    from stabilitylab import workspace

    for path in workspace.copy_exercises():
        print(f"New in {path.parent}: {path.name}")
    return 0
