"""Tests that bite: changes the code in one place at a time, and sees whether the tests of that wing notice.

    make mutants                          # 300 changes, drawn at random from four wings
    make mutants COUNT=40 SEED=7 ONLY=stabilitylab/training/diagnosis.py

Cosmic Ray makes the changes: a comparison swapped, a number one up or down, an operator exchanged, a condition negated, a loop
left out, a decorator dropped. It has none for strings, so wording is not on trial. At most one change is drawn for a place,
because an operator that can be exchanged for eleven others would otherwise count eleven times. Type annotations, which nothing
evaluates, are left out.

Nothing happens in this checkout: every worker has a copy of it, with a virtual environment whose only difference is that it finds
the copy, also in the processes that the sandbox starts. A worker imports PyTorch once and forks for every change, which saves
some four seconds for each. Tests run until one fails, those named after the module first and the cheap before the dear; a run
that takes far longer than the whole wing does counts as having noticed. The share caught, and every change that nobody noticed,
are printed.

    .venv/bin/python -m tests.mutants --answers a1_clipping a2_schedules

changes the reference answers of assignments instead, in every place and in every way, and judges each changed answer as the
grader would a submission's. Those that lose no point are printed: a probe is missing for them, or they are no mistake, and are
then named in ``tests/equivalent_mutants/ASSIGNMENT.yaml``, with the reason.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import difflib
import importlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent

WINGS = {
    "stabilitylab/training": ["tests/training"],
    "stabilitylab/claims": ["tests/claims"],
    "stabilitylab/questions": ["tests/questions"],
    "autograder": ["tests/autograder"],
}
"""What is changed, and the fast tests that should notice."""

LEFT_OUT = ("autograder/bank/", "autograder/keys/", "autograder/reference/")
EQUIVALENT = ROOT / "tests" / "equivalent_mutants"
"""ASSIGNMENT.yaml: a reason -> the changes that it holds for, each written as it is printed."""

WANTED = 0.85
PRELOADED = (
    "torch",
    "torch._dynamo",
    "matplotlib.pyplot",
    "numpy",
    "yaml",
    "nbformat",
    "IPython",
    "ipywidgets",
    "joblib",
    "pytest",
)


def wing_of(path: str) -> str:
    return next(wing for wing in WINGS if path.startswith(wing + "/"))


def places(only: str) -> dict[tuple, list[dict]]:
    """Every place that can be changed, with its changes, of the files whose path begins with ``only``."""
    from cosmic_ray.commands.init import _all_work_items

    found = defaultdict(list)
    for wing in WINGS:
        files = [path.relative_to(ROOT) for path in sorted((ROOT / wing).rglob("*.py"))]
        for path in map(str, files):
            if not path.startswith(only) or path.startswith(LEFT_OUT):
                continue
            silent = annotations(ROOT / path)
            for item in _all_work_items([ROOT / path], {}):
                change = item.mutations[0]
                place = (path, tuple(change.start_pos), tuple(change.end_pos))
                if not any(start <= place[1] < end for start, end in silent):
                    found[place].append({"path": path, "operator": change.operator_name, "occurrence": change.occurrence})
    return dict(sorted(found.items()))


def annotations(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the type annotations of a file begin and end: (line, column) each."""
    marks = []
    for node in ast.walk(ast.parse(path.read_text())):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if part is not None:
                marks.append(((part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)))
    return marks


def copy_of_the_checkout(folder: Path) -> None:
    """The files that git knows or would take, and an environment that finds them where this one finds the checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder / ".venv"], check=True)
    (packages,) = (folder / ".venv" / "lib").glob("python*/site-packages")
    # a .pth file is read in a site directory only: that of the packages, which leads to the checkout, is not read here
    (packages / "copy.pth").write_text(f"{folder}\n{sysconfig.get_paths()['purelib']}\n")
    # programs (nbgrader starts alembic) and templates (nbconvert's pages) are looked for beside the interpreter
    (folder / ".venv" / "share").symlink_to(Path(sys.prefix, "share"))
    for program in Path(sys.prefix, "bin").iterdir():
        if not (folder / ".venv" / "bin" / program.name).exists():
            (folder / ".venv" / "bin" / program.name).symlink_to(program)
    # judged by their content: two changes within a second may leave a file as long and as old as it was
    compiled = ["-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "stabilitylab", "autograder"]
    subprocess.run([sys.executable, *compiled], cwd=folder, check=True)


class Order:
    """A pytest plugin: notes what each test costs; begins with those named after the changed module, and with the cheapest."""

    def __init__(self, costs: dict[str, float], module: str):
        self.costs, self.first = costs, f"test_{module}"
        self.spent: dict[str, float] = defaultdict(float)

    def pytest_collection_modifyitems(self, items):
        items.sort(key=lambda item: (item.path.stem != self.first, self.costs.get(item.nodeid, 0.0)))

    def pytest_runtest_logreport(self, report):
        self.spent[report.nodeid] += report.duration


def run_tests(tests: list[str], costs: dict[str, float], limit: float, module: str = "") -> tuple[str, dict[str, float], str]:
    """The tests in a fork of this process: "passed", "failed" or "took too long"; what each cost; what was printed."""
    import pytest

    with tempfile.TemporaryDirectory(prefix="mutant-") as scratch:
        spent, printed = Path(scratch, "spent"), Path(scratch, "printed")
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.setsid()
                output = os.open(printed, os.O_WRONLY | os.O_CREAT)
                os.dup2(output, 1)
                os.dup2(output, 2)
                order = Order(costs, module)
                options = ["-x", "-q", "--tb=line", "-p", "no:cacheprovider", f"--basetemp={scratch}/tmp"]
                code = int(pytest.main([*options, *tests], plugins=[order]))
                spent.write_text(json.dumps(order.spent))
            finally:
                os._exit(code)
        deadline = time.monotonic() + limit
        while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < deadline:
            time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # also what the tests left running
        if not ended[0]:
            os.waitpid(child, 0)
            return "took too long", {}, ""
        to_the_end = spent.exists()  # a change may have made the tests leave early, and with a 0
        outcome = "failed" if ended[1] or not to_the_end else "passed"
        return outcome, json.loads(spent.read_text()) if to_the_end else {}, printed.read_text(errors="replace")


def work(tests: list[str] | None) -> None:
    """A worker, in its copy: reads changes, one JSON object a line, and answers each with what became of it."""
    from cosmic_ray.mutating import use_mutation
    from cosmic_ray.plugins import get_operator

    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    for name in PRELOADED:
        importlib.import_module(name)
    known: dict[str, tuple[dict[str, float], float]] = {}
    for line in sys.stdin:
        change = json.loads(line)
        wing = wing_of(change["path"])
        if wing not in known:
            known[wing] = healthy(tests or WINGS[wing])
        costs, limit = known[wing]
        path = Path(change["path"])
        with use_mutation(path, get_operator(change["operator"])(), change["occurrence"]) as (before, after):
            outcome, _, _ = run_tests(tests or WINGS[wing], costs, limit, path.stem)
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), str(path), str(path), n=1, lineterm="")
        print(json.dumps(change | {"outcome": outcome, "diff": "\n".join(list(lines)[2:])}), flush=True)


def healthy(tests: list[str]) -> tuple[dict[str, float], float]:
    """What each test costs while nothing is changed, and the seconds after which a run is given up; in either order they must
    pass."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False  # what is compiled now, of tests too, is read again for every change
    _, costs, _ = run_tests(tests, {}, 1800)
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.dont_write_bytecode = True
    began = time.monotonic()
    outcome, _, printed = run_tests(tests, costs, 1800)
    if outcome != "passed":
        sys.exit(f"{' '.join(tests)} fail before anything is changed:\n{printed[-3000:]}")
    return costs, 30 + 4 * (time.monotonic() - began)


def hand_out(changes: list[dict], jobs: int, tests: list[str]) -> list[dict]:
    """The changes, tried by so many workers at a time; prints what nobody noticed as it comes."""
    waiting = defaultdict(list)
    for change in changes:
        waiting[wing_of(change["path"])].append(change)
    results: list[dict] = []
    taken = dict.fromkeys(WINGS, 0)  # how many workers know a wing
    turn = threading.Lock()
    failed = threading.Event()

    def keep_busy(folder: Path) -> None:
        copy_of_the_checkout(folder)
        known: set[str] = set()  # a worker stays with the wings whose tests it has timed, as long as it can
        command = [folder / ".venv" / "bin" / "python", "-m", "tests.mutants", "--worker", "--tests", *tests]
        with subprocess.Popen(command, cwd=folder, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
            while not failed.is_set():
                with turn:
                    wing = max(
                        WINGS, key=lambda wing: (bool(waiting[wing]), wing in known, len(waiting[wing]) - 1e6 * taken[wing])
                    )
                    if not waiting[wing]:
                        break
                    change = waiting[wing].pop()
                    taken[wing] += wing not in known
                    known.add(wing)
                print(json.dumps(change), file=worker.stdin, flush=True)
                answer = worker.stdout.readline()
                if not answer:
                    failed.set()
                    break
                with turn:
                    results.append(result := json.loads(answer))
                    if result["outcome"] == "passed":
                        print(f"\n{result['path']}  {result['operator'].removeprefix('core/')}\n{result['diff']}", flush=True)
                    caught = sum(result["outcome"] != "passed" for result in results)
                    print(f"\r{len(results)} of {len(changes)} tried, {caught} caught", end="", file=sys.stderr, flush=True)
            worker.stdin.close()

    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        threads = [threading.Thread(target=keep_busy, args=(Path(scratch, str(k)).resolve(),)) for k in range(jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    print(file=sys.stderr)
    if failed.is_set():
        report(results)
        sys.exit("a worker gave up, as it says above; what stands here is what had been tried")
    return results


def report(results: list[dict]) -> float:
    """Prints the share caught in every wing; returns that of all."""
    for wing in (*WINGS, ""):
        of_wing = [result for result in results if result["path"].startswith(wing)]
        caught = sum(result["outcome"] != "passed" for result in of_wing)
        slow = sum(result["outcome"] == "took too long" for result in of_wing)
        if of_wing:
            by_clock = f", {slow} of them by the clock" if slow else ""
            print(f"{wing or 'all':24}{caught:4} of {len(of_wing):3} caught, {caught / len(of_wing):4.0%}{by_clock}")
    return caught / max(1, len(of_wing))


def mutants_of(path: Path) -> dict[str, str]:
    """Every change to a file: ``function: the line before -> the line after`` -> the source with it. What two operators make
    alike counts once; where a function has the same line again, a number follows."""
    from cosmic_ray.commands.init import _all_work_items
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    source = path.read_text(encoding="utf-8")
    found: dict[str, str] = {}
    for item in _all_work_items([path], {}):
        change = item.mutations[0]
        changed = mutate_code(source, get_operator(change.operator_name)(), change.occurrence)
        lines = list(difflib.ndiff(source.splitlines(), changed.splitlines()))
        before, after = (" ".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
        name = first = f"{change.definition_name}: {before} -> {after}"
        alike = 1
        while found.get(name, changed) != changed:
            alike += 1
            name = f"{first} ({alike})"
        found[name] = changed
    return found


def answers(assignment: str, seed: int, jobs: int) -> bool:
    """Judges every mutant of an assignment's reference as a submission; prints those that lose no point and are not known to be
    equivalent, and how many there were. Returns whether the list of the equivalent ones is right."""
    from autograder.expected import REFERENCES, Expected
    from autograder.partners import Partners
    from autograder.sandbox.host import Code, Sandbox, WorkerDied
    from stabilitylab import exercises

    mutants = mutants_of(REFERENCES / f"{assignment}.py")
    listed = EQUIVALENT / f"{assignment}.yaml"
    equivalent = (
        {change for changes in yaml.safe_load(listed.read_text()).values() for change in changes} if listed.exists() else set()
    )
    with Sandbox() as sandbox, ThreadPoolExecutor(jobs) as pool:
        expected = Expected(sandbox, assignment, seed)

        def loses(source: str) -> bool:
            with contextlib.closing(Partners(sandbox, assignment, seed)) as partners, sandbox.worker() as worker:
                try:
                    worker.load([Code(source)])
                    return any(
                        not exercises.agree(
                            partners.ask(worker, grade_id, probe, expected.drawn[grade_id][probe.name]), right, probe
                        )
                        for grade_id, rights in expected.right.items()
                        for probe, right in zip(exercises.questions(assignment)[grade_id].probes, rights.values(), strict=True)
                    )
                except WorkerDied:
                    return True

        unnoticed = {change for change, lost in zip(mutants, pool.map(loses, mutants.values())) if not lost}
    for change in sorted(unnoticed - equivalent):
        print(f"no point lost: {change}")
    wrongly_listed = sorted(equivalent - unnoticed)
    for change in wrongly_listed:
        print(f"listed as equivalent, but {'loses points' if change in mutants else 'there is no such mutant'}: {change}")
    mistakes, caught = (
        len(mutants) - len(equivalent & mutants.keys()),
        len(mutants) - len(unnoticed | equivalent & mutants.keys()),
    )
    print(
        f"{assignment:38}{caught:4} of {mistakes:3} lose points, {caught / mistakes:6.1%}; {len(equivalent)} more are no mistake"
    )
    return caught == mistakes and not wrongly_listed


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=300, help="how many changes, default 300")
    parser.add_argument("--seed", type=int, default=0, help="which ones, default 0")
    parser.add_argument("--only", default="", metavar="PATH", help="a file or folder to stay in, such as stabilitylab/claims")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="workers, default one per core")
    parser.add_argument("--tests", nargs="*", default=[], metavar="PATH", help="tests to run in place of the wing's")
    parser.add_argument(
        "--answers", nargs="+", default=[], metavar="NAME", help="judge all mutants of these assignments' references"
    )
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        work(arguments.tests)
        return 0
    if arguments.answers:
        return 0 if all([answers(name, arguments.seed, arguments.jobs) for name in arguments.answers]) else 1
    found = places(arguments.only)
    if not found:
        parser.error(f"--only is {arguments.only!r}; nothing there can be changed, choose a path in {', '.join(WINGS)}")
    draw = random.Random(arguments.seed)
    drawn = draw.sample(list(found.values()), min(arguments.count, len(found)))
    began = time.monotonic()
    share = report(hand_out([draw.choice(changes) for changes in drawn], arguments.jobs, arguments.tests))
    print(f"{len(found)} places, seed {arguments.seed}, {time.monotonic() - began:.0f} s")
    return 0 if share >= WANTED else 1


if __name__ == "__main__":
    sys.exit(main())
