"""A real Dask scheduler and two real workers, each in a network of its own; one of them is killed midway."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pandas
import pytest

from autograder import bank, grading
from stabilitylab import sweeps, workspace
from tests.classroom.handing_in import NAME, cell, hand_in, notebook

pytestmark = pytest.mark.slow
DASK = Path(sys.executable).with_name("dask")
ADDRESS = "tcp://10.77.0.1:8786"
SMALL = {"steps": 60, "batch_size": 4, "model.layers": 2, "model.width": 16}
WORDS = ["lr=1e-3..1e-1:4", "seeds=0-2"]


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def networks():
    """Three network namespaces with a bridge between them: the scheduler's, and one for each worker."""
    if sys.platform != "linux" or os.geteuid() or not shutil.which("ip"):
        pytest.skip("network namespaces need Linux, root and iproute2")
    names = [f"lab-{os.getpid()}-{i}" for i in range(3)]
    with contextlib.ExitStack() as stack:
        try:
            for name in names:
                ip("netns", "add", name)
                stack.callback(ip, "netns", "delete", name)
                ip("-n", name, "link", "set", "lo", "up")
        except subprocess.CalledProcessError as error:
            pytest.skip(f"this machine makes no network namespaces: {error.stderr.strip()}")
        ip("-n", names[0], "link", "add", "bridge", "type", "bridge")
        ip("-n", names[0], "address", "add", "10.77.0.1/24", "dev", "bridge")
        ip("-n", names[0], "link", "set", "bridge", "up")
        for number, name in enumerate(names[1:], start=1):
            ip("-n", name, "link", "add", "wire", "type", "veth", "peer", "name", f"wire{number}", "netns", names[0])
            ip("-n", names[0], "link", "set", f"wire{number}", "master", "bridge", "up")
            ip("-n", name, "address", "add", f"10.77.0.{number + 1}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
        yield names


@pytest.fixture
def cluster(networks, tmp_path):
    """The processes of a scheduler and two workers."""
    first, *others = networks
    with contextlib.ExitStack() as stack:

        def start(network, *command):
            log = stack.enter_context(open(tmp_path / f"{network}.log", "w"))
            process = subprocess.Popen(
                ["ip", "netns", "exec", network, *map(str, command)],
                cwd=workspace.ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            stack.callback(process.wait)
            stack.callback(end, process)
            return process

        scheduler = start(first, DASK, "scheduler", "--host", "10.77.0.1", "--port", "8786", "--no-dashboard")
        alone = ("--nthreads", "1", "--no-nanny", "--no-dashboard")
        workers = [
            start(network, DASK, "worker", ADDRESS, "--host", f"10.77.0.{number}", *alone)
            for number, network in enumerate(others, start=2)
        ]
        wait = f"from distributed import Client\nwith Client('{ADDRESS}', timeout=60) as c: c.wait_for_workers(2, timeout=120)"
        in_network(first, wait).communicate()
        yield [scheduler, *workers]


def end(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def in_network(network, code, *arguments):
    command = ["ip", "netns", "exec", network, sys.executable, "-u", "-c", textwrap.dedent(code), *map(str, arguments)]
    return subprocess.Popen(command, cwd=workspace.ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def killing_after(process, done, victim, code=0):
    """What a process prints that ends with a code; once it has printed so many lines, a process of the cluster is killed."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if sum(line.startswith("done") for line in lines) == done:
            end(victim)
    assert process.wait() == code, "".join(lines)
    return lines


def test_a_sweep_loses_nothing_and_runs_nothing_twice_when_a_worker_dies(networks, cluster, tmp_path):
    code = f"""
        import sys
        from pathlib import Path
        from stabilitylab import sweeps
        if __name__ == "__main__":
            sweeps.sweep({WORDS}, into=Path(sys.argv[1]), dask="{ADDRESS}", progress=lambda *a: print("done", *a), **{SMALL})
    """
    lines = killing_after(in_network(networks[0], code, tmp_path / "far"), 4, cluster[2])
    assert [line.split()[1] for line in lines if line.startswith("done")] == [str(i) for i in range(13)]
    far = pandas.read_parquet(tmp_path / "far" / "results.parquet")
    near = sweeps.sweep(WORDS, into=tmp_path / "near", jobs=1, **SMALL)
    assert far["key"].is_unique and far.drop(columns="seconds").equals(near.drop(columns="seconds"))


def make_class(folder):
    """Hands in answers of the bank; how many."""
    solution = notebook("solutions")
    answers = [answer for answer in bank.answers(NAME) if answer.question == "clip_grad_norm"][::8]
    for number, answer in enumerate(answers):
        made = nbformat.from_dict(json.loads(nbformat.writes(solution)))
        cell(made, "clip_grad_norm_code").source = answer.source
        hand_in(folder, f"s{number}", made)
    return len(answers)


GRADE = f"""
    import json, sys
    from pathlib import Path
    from autograder import grading
    if __name__ == "__main__":
        folder, workdir, report = map(Path, sys.argv[1:])
        try:
            found = grading.grade("{NAME}", folder, workdir=workdir, dask="{ADDRESS}",
                progress=lambda doing, done, total: print("done" if doing == "Grading" else doing, done))
        except RuntimeError as error:
            sys.exit(f"stopped: {{error}}")
        report.write_text(json.dumps(found))
"""


def test_a_class_gets_the_same_marks_when_a_worker_dies(networks, cluster, tmp_path):
    students = make_class(tmp_path / "class")
    process = in_network(networks[0], GRADE, tmp_path / "class", tmp_path / "far", tmp_path / "report.json")
    lines = killing_after(process, 2, cluster[1])
    assert sum(line.startswith("done") for line in lines) == students
    seed = Path("marks") / NAME / "seed"
    (tmp_path / "near" / seed).parent.mkdir(parents=True)
    shutil.copy(tmp_path / "far" / seed, tmp_path / "near" / seed)
    near = grading.grade(NAME, tmp_path / "class", workdir=tmp_path / "near")
    assert json.loads((tmp_path / "report.json").read_text()) == json.loads(json.dumps(near))


def test_nobody_is_marked_for_a_scheduler_that_dies(networks, cluster, tmp_path):
    make_class(tmp_path / "class")
    process = in_network(networks[0], GRADE, tmp_path / "class", tmp_path / "far", tmp_path / "report.json")
    lines = killing_after(process, 2, cluster[0], code=1)
    assert lines[-1].startswith("stopped: the Dask scheduler is gone; start it") and "Traceback" not in "".join(lines)
    found = grading.grade(NAME, tmp_path / "class", workdir=tmp_path / "far")  # goes on from there
    assert {student["status"] for student in found["students"].values()} == {"graded"}
