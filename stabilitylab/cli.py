"""The terminal's door: ``stabilitylab list``, ``run``, ``diagnose``, ``check``, ``sweep``, ``claims``, ``record``, ``ledger``,
``quiz``, ``interview``, ``progress``, ``cards``, ``deliver``, ``lab``.

Heavy modules are imported inside the commands, so that ``--help`` and a mistyped word answer at once.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns its exit status: 0 done, 1 an expectation does not hold, 2 a mistake in the command."""
    options = _parser().parse_args(arguments)
    from stabilitylab import workspace

    if not os.access(os.path.expanduser("~"), os.W_OK):  # where Matplotlib would complain that it cannot keep its list of fonts
        os.environ.setdefault("MPLCONFIGDIR", str(workspace.WORK / ".jupyter" / "matplotlib"))
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

    diagnose = add(
        "diagnose", _diagnose, "Judge the loss log of a run of your own: a verdict, what it rests on, what to log next."
    )
    diagnose.add_argument(
        "file", type=Path, help="CSV, JSON lines, TensorBoard event files, trainer_state.json, or an export of Weights & Biases"
    )
    diagnose.add_argument("--loss", metavar="COLUMN", help="the column of the training loss, default the one whose name says so")
    diagnose.add_argument("--vocabulary", type=int, metavar="N", help="how many tokens the model chooses between")
    diagnose.add_argument("--unigram", type=float, metavar="NATS", help="unigram entropy of the text, in nats per token")
    diagnose.add_argument("--figure", type=Path, metavar="FILE", help="where the PNG goes, default work/runs/FILE-diagnosis.png")

    check = add("check", _check, "Run every arm over several seeds and check what the experiment states.")
    check.add_argument("experiment", help="such as constant-lr")
    check.add_argument("--seeds", type=_seed_range, metavar="A-B", help="default 0-4")
    check.add_argument("--jobs", type=int, help="processes, default one per core")

    sweep = add("sweep", _sweep, "Train every combination of some settings; what is finished is not run again.")
    sweep.add_argument(
        "settings",
        nargs="+",
        metavar="FIELD=VALUES",
        help="such as lr=1e-4..1e-1:12 model.width=32,64 seeds=0-4",
    )
    sweep.add_argument("--experiment", metavar="NAME", help="sweep over one of its arms, default over a plain run")
    sweep.add_argument("--arm", help="default: the experiment's first")
    sweep.add_argument("--into", type=Path, metavar="DIR", help="default a folder in work/sweeps, named after the fields")
    sweep.add_argument("--jobs", type=int, help="processes, default one per core")
    sweep.add_argument("--dask", metavar="ADDRESS", help="send the runs to a Dask scheduler, such as tcp://HOST:8786, or local")

    claims = add("claims", _claims, "Put popular claims on trial again: run the experiments that decide them.")
    claims.add_argument(
        "--only", nargs="+", metavar="ID", default=[], help="such as B1 C7, default all claims, or all that name the axis"
    )
    claims.add_argument("--seeds", type=_seed_range, metavar="A-B", help="default 0-4")
    claims.add_argument("--json", type=Path, metavar="FILE", help="also write the outcome and every figure to FILE")
    claims.add_argument("--jobs", type=int, help="processes, default one per core")
    claims.add_argument(
        "--along", metavar="AXIS", help="try them at several points of an axis, such as width, default nowhere else"
    )

    record = add("record", _record, "Make the recorded evidence of experiments again (data/evidence).")
    record.add_argument("experiments", nargs="*", metavar="EXPERIMENT", help="such as constant-lr, default all of them")
    record.add_argument("--jobs", type=int, help="processes, default one per core")

    ledger = add("ledger", _ledger, "Bring the pages made from the recorded evidence up to date (docs/, data/claims.yaml).")
    ledger.add_argument("--check", action="store_true", help="only say which are not, and fail if any")

    quiz = add("quiz", _quiz, "Answer questions in the terminal; what you missed comes back sooner.")
    quiz.add_argument("--lesson", default="", metavar="NN", help="only of this lesson, such as 03")
    quiz.add_argument("--topic", default="", help="only of this topic, such as clipping")
    quiz.add_argument("--count", type=int, default=10, help="at most so many, default 10")

    interview = add(
        "interview", _interview, "Sit a timed mock interview: answer first, then compare, score yourself, and read the debrief."
    )
    interview.add_argument("--minutes", type=int, default=30, help="15, 30 or 45, default 30")

    add("progress", _progress, "Show where you stand, and what comes next.")

    cards = add("cards", _cards, "Write the question bank as flash cards.")
    cards.add_argument(
        "--anki",
        type=Path,
        required=True,
        metavar="FILE.apkg",
        help="a package that Anki imports; importing a newer one updates the cards",
    )

    add("deliver", _deliver, "Bring your copies of lessons and exercises in work/ up to date; what you have edited stays.")

    lab = add("lab", _lab, "Open JupyterLab at the first lesson, on your copies in work/.")
    lab.add_argument("--teach", action="store_true", help="on the repository instead, with nbgrader's tools")
    lab.add_argument("options", nargs="*", metavar="-- OPTION", help="of jupyter lab, such as -- --port 8890")
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
    heading = ""
    summaries = experiments.summaries()
    for name, summary in summaries.items():
        if summary.subject != heading:
            heading = summary.subject
            console.rule(f"[bold]{heading}[/bold]", align="left")
        table = Table(
            title=f"[bold]{name}[/bold]: {summary.question}", title_justify="left", box=None, show_header=False, padding=(0, 2)
        )
        for arm, about in summary.arms.items():
            table.add_row(arm, about)
        console.print(table)
        console.print()
    if unlisted := [name for name in experiments.names() if name not in summaries]:
        console.print(f"Not in the index yet: {', '.join(unlisted)}. Bring it up to date with: stabilitylab ledger")
    console.print("Run one with: stabilitylab run EXPERIMENT --arm ARM --seed 0", style="dim")
    return 0


def _run(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from stabilitylab import experiments, workspace
    from stabilitylab.experiments.experiment import Arm
    from stabilitylab.training.diagnosis import diagnose

    experiment = experiments.get(options.experiment)
    arm = options.arm or next(iter(experiment.arms))
    figure = options.figure or workspace.WORK / "runs" / f"{experiment.name}-{arm}-{options.seed}.png"
    for path in filter(None, (options.json, figure)):
        workspace.make_folder(path.parent)
    trainer = experiment.trainer(arm, options.seed)
    training = experiment.arms[arm]
    assert isinstance(training, Arm)  # of a measurement there is no trainer
    console = Console()
    console.print(f"[bold]{experiment.name}[/bold] / {arm}, seed {options.seed}: {experiment.arms[arm].about}")
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    records = []
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("", total=trainer.config.steps)
        for record in training.drive(trainer):
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
    from stabilitylab.figures import plots

    title = f"{experiment.name} / {arm}, seed {options.seed}: {diagnosis.verdict}"
    plots.panels({arm: [run]}, ("loss", "grad_norm", "update_ratio", "lr"), title).save(figure)
    console.print(f"Figure: {figure}", soft_wrap=True)
    return 0


def _diagnose(options: argparse.Namespace) -> int:
    from rich.console import Console

    from stabilitylab import workspace
    from stabilitylab.training import advice, logs
    from stabilitylab.training.diagnosis import diagnose
    from stabilitylab.training.telemetry import Run

    log = logs.read(options.file, options.loss)
    run = Run.from_log(log, options.vocabulary, options.unigram)
    figure = options.figure or workspace.WORK / "runs" / f"{options.file.resolve().stem}-diagnosis.png"
    workspace.make_folder(figure.parent)
    steps, taken = run.column("step"), [advice.NAMES[name] for name in log.taken if name in advice.NAMES]
    also = f"; also {', '.join(taken)}" if taken else ""
    console = Console(highlight=False)

    def say(text: str) -> None:  # names from the file are no markup
        console.print(text, markup=False, soft_wrap=True)

    say(f"{log.format}: {len(steps)} losses of steps {steps[0]} to {steps[-1]}, column {log.taken['loss']!r}{also}.")
    for note in log.notes:
        say(f"Note: {note}")
    diagnosis = diagnose(run)
    console.print(f"Verdict: [bold]{diagnosis.verdict}[/bold]. {diagnosis.reason}", soft_wrap=True)
    if diagnosis.otherwise:
        say(f"Its end is finite; without the broken steps: {diagnosis.otherwise.verdict}. {diagnosis.otherwise.reason}")
    references = {"uniform guess": run.uniform, "unigram entropy": run.unigram}
    known = ", ".join(f"{name} {'not known' if math.isnan(at) else f'{at:.2f}'}" for name, at in references.items())
    spikes = ", ".join(map(str, diagnosis.spikes[:8])) + (" ..." if len(diagnosis.spikes) > 8 else "") or "none"
    say(
        f"It rests on: first loss {run.records[0].loss:.4g}, lowest median {diagnosis.lowest:.4g}, "
        f"mean of the end {diagnosis.final_loss:.4g}, noise of a step {diagnosis.noise:.2g}, {known} (nats); "
        f"spikes at steps: {spikes}."
    )
    for sentence in diagnosis.unjudged:
        say(f"Not judged: {sentence}")
    if diagnosis.unjudged:
        say("--vocabulary N and --unigram NATS say what is not known.")
    help_ = advice.ADVICE[diagnosis.verdict]
    if missing := help_.missing(log.kinds):
        say("What else would decide, if it were logged:")
        for sentence in missing:
            say(f"  {sentence}")
    say(f"The lesson about it: {help_.lesson}")
    from stabilitylab.figures import plots

    columns = [name for name in ("grad_norm", "update_ratio", "loss_scale", "lr") if name in log.columns]
    plots.panels({run.label: [run]}, ("loss", *columns), f"{options.file.name}: {diagnosis.verdict}").save(figure)
    say(f"Figure: {figure}")
    return 0


def _check(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import track

    from stabilitylab import experiments
    from stabilitylab.experiments import running

    experiment = experiments.get(options.experiment)
    seeds = options.seeds or experiments.DEFAULT_SEEDS
    console = Console()
    total = len(experiment.arms) * len(seeds)
    outcomes = experiment.check(
        list(track(running.results(experiment.name, seeds, jobs=options.jobs), "Running", total=total, console=console))
    )
    for outcome in outcomes:
        console.print(f"{_mark(outcome.ok)}  {outcome.count} of {outcome.total} seeds  {outcome.expectation.states}")
    return 0 if all(outcome.ok for outcome in outcomes) else 1


def _mark(ok: bool) -> str:
    return "[green]holds[/green]" if ok else "[red]FAILS[/red]"


def _sweep(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    from rich.table import Table

    from stabilitylab import sweeps
    from stabilitylab.figures import maps

    if options.jobs is not None and options.jobs < 1:
        raise ValueError(f"--jobs is {options.jobs}; it must be at least 1")
    if options.arm and not options.experiment:
        raise ValueError(f"--arm is {options.arm!r} of no experiment; name it with --experiment")
    console = Console()
    plan = sweeps.plan(options.settings, experiment=options.experiment, arm=options.arm, into=options.into)
    folder = plan.folder
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        shown = bar.add_task("", total=len(plan.tasks))
        done: list[int] = []

        def progress(finished: int, total: int) -> None:
            done.append(finished)
            bar.update(shown, completed=finished)

        frame = plan.run(options.jobs, options.dask, progress)
    if done[0]:
        console.print(f"{done[0]} of {len(frame)} runs were finished before.")
    table = Table("verdict", "runs", box=None)
    for verdict, count in frame["verdict"].value_counts().items():
        table.add_row(str(verdict), str(count))
    console.print(table)
    swept = [name for name, values in sweeps.parse(options.settings).axes.items() if len(values) > 1 and name != "seed"]
    arm = plan.tasks[0].arm
    base = f"{options.experiment}, {arm}" if arm else "plain run"

    def title(*drawn: str | None) -> str:
        pooled = ", ".join(name.removeprefix("model.") for name in swept if name not in drawn)
        return f"{base}, {len(frame)} runs" + (f"; all {pooled} together" if pooled else "")

    if "lr" in swept:
        others = [name for name in swept if name != "lr"]
        few = next((name for name in others if frame[name].nunique() <= 7), None)
        maps.rate_sensitivity(frame, few, title=title("lr", few)).save(folder / "rate-sensitivity.png")
        console.print(f"Figure: {folder / 'rate-sensitivity.png'}", soft_wrap=True)
    if len(swept) > 1:
        x = "lr" if "lr" in swept else swept[0]
        y = next(name for name in swept if name != x)
        maps.verdict_map(frame, x, y, title(x, y)).save(folder / "map.png")
        console.print(f"Map: {folder / 'map.png'}", soft_wrap=True)
    console.print(f"Table: {folder / 'results.parquet'}; every step: {folder / 'curves.parquet'}", soft_wrap=True)
    return 0


def _claims(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.progress import Progress
    from rich.table import Table

    from stabilitylab import experiments, workspace
    from stabilitylab.claims import verdicts

    selected = verdicts.select(verdicts.load(), options.only)
    seeds = options.seeds or experiments.DEFAULT_SEEDS
    if options.along:
        return _claims_along(options, selected if options.only else [c for c in selected if options.along in c.along], seeds)
    console = Console()
    with Progress(console=console) as progress:
        task = progress.add_task("Running", total=None)
        again = verdicts.rerun(
            selected,
            seeds,
            options.jobs,
            lambda name, done, total: progress.update(task, description=name, completed=done, total=total),
        )
    table = Table("id", "claim", "verdict", "seeds", "", box=None, padding=(0, 1))
    for judgement in again.judgements:
        claim = judgement.claim
        count = f"{judgement.count}/{len(judgement.held)}"
        table.add_row(claim.id, claim.claim, claim.verdict, count, _mark(judgement.ok))
    console.print(table)
    fallen = [judgement for judgement in again.judgements if not judgement.ok]
    for judgement in fallen:
        where = "; ".join(f"{name} on seeds {', '.join(map(str, missed))}" for name, missed in judgement.failed.items())
        console.print(f"The verdict on {judgement.claim.id} no longer holds: {where}.")
    if options.json:
        outcome = {
            "seeds": list(seeds),
            "claims": [
                {
                    "id": judgement.claim.id,
                    "verdict": judgement.claim.verdict,
                    "holds": judgement.ok,
                    "held": judgement.held,
                    "failed": judgement.failed,
                }
                for judgement in again.judgements
            ],
            "figures": {
                name: {
                    quantity: {seed: value if math.isfinite(value) else repr(value) for seed, value in by_seed.items()}
                    for quantity, by_seed in quantities.items()
                }
                for name, quantities in again.quantities.items()
            },
        }
        workspace.write_atomically(options.json, json.dumps(outcome, indent=1))
        console.print(f"Outcome: {options.json}", soft_wrap=True)
    return 1 if fallen else 0


def _claims_along(options: argparse.Namespace, selected, seeds) -> int:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn
    from rich.table import Table

    from stabilitylab import workspace
    from stabilitylab.claims import along
    from stabilitylab.experiments import axes

    axes.axis(options.along)  # before a bar is shown
    console = Console()
    with Progress(BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), console=console) as bar:
        shown = bar.add_task("")
        tried = along.along(
            selected,
            options.along,
            seeds,
            jobs=options.jobs,
            progress=lambda n, total: bar.update(shown, completed=n, total=total),
        )
    table = Table("id", "claim", *(f"{point:g}" for point in tried.points), "", box=None, padding=(0, 1))
    wrong = []
    for claim in selected:
        judged = tried.judgements[claim.id]
        as_said = along.as_said(claim, tried)
        wrong += [claim.id] if as_said is False else []
        counts = (f"{judged[point].count}/{len(judged[point].held)}" for point in tried.points)
        table.add_row(claim.id, claim.claim, *counts, "" if as_said is None else _mark(as_said))
    console.print(table)
    for name in wrong:
        console.print(f"{name} does not hold and fail along {options.along} where the ledger says.")
    if options.json:
        held = {name: {point: judged.held for point, judged in found.items()} for name, found in tried.judgements.items()}
        workspace.write_atomically(options.json, json.dumps({"axis": tried.axis, "seeds": list(seeds), "held": held}, indent=1))
        console.print(f"Outcome: {options.json}", soft_wrap=True)
    return 1 if wrong else 0


def _record(options: argparse.Namespace) -> int:
    from rich.progress import Progress

    from stabilitylab import experiments
    from stabilitylab.claims import evidence

    names = options.experiments or experiments.names()
    for name in names:
        experiments.get(name)  # a mistyped name is refused before anything runs
    with Progress() as bar:
        for name in names:
            task = bar.add_task(name, total=None)
            for done, total in evidence.record(name, options.jobs):
                bar.update(task, completed=done, total=total)
    print("Bring the pages up to date with: stabilitylab ledger")
    return 0


def _ledger(options: argparse.Namespace) -> int:
    from stabilitylab.claims import ledger

    changed = ledger.stale() if options.check else ledger.write()
    for path in changed:
        print(f"{'Out of date' if options.check else 'Wrote'}: {path}")
    return 1 if options.check and changed else 0


def _quiz(options: argparse.Namespace) -> int:
    from stabilitylab import terminal

    terminal.quiz(options.lesson, options.topic, options.count)
    return 0


def _interview(options: argparse.Namespace) -> int:
    from stabilitylab import terminal

    terminal.interview(options.minutes)
    return 0


def _progress(options: argparse.Namespace) -> int:
    from rich.console import Console
    from rich.markdown import Markdown

    from stabilitylab.lessons import progress

    Console().print(Markdown(progress.table()))
    return 0


def _cards(options: argparse.Namespace) -> int:
    from stabilitylab.questions import bank, cards

    print(f"{cards.write(options.anki, bank.load().values())} cards in {options.anki}")
    return 0


def _deliver(options: argparse.Namespace) -> int:
    from stabilitylab import delivery

    for sentence in delivery.deliver():
        print(sentence)
    return 0


def _lab(options: argparse.Namespace) -> int:
    from stabilitylab import lab

    if not options.teach:
        _deliver(options)
    lab.start(options.teach, options.options)
    return 0
