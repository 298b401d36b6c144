"""The trusted side of the sandbox: deadlines, sizes, what is believed, how workers are started and ended."""

import importlib.util
import json
import os
import select
import signal
import socket
import sys
import threading
from pathlib import Path

import pytest

import autograder
from autograder.sandbox import host
from autograder.sandbox.host import LEFT_OUT, Code, Limits, Outcome, Sandbox, Worker, WorkerDied
from autograder.sandbox.limits import FOLDER_BYTES, LARGEST_ANSWER, PATIENT, STANDARD, START_SECONDS
from stabilitylab import workspace
from stabilitylab.exercises import MALFORMED

linux = pytest.mark.skipif(sys.platform != "linux", reason="zygotes and their keepers are for Linux")


class Process:
    """Stands in for a worker's process: answers what it was told to answer."""

    def __init__(self, folder, said=b"", silent=False):
        self.ended = 0
        if silent:  # a pipe that nobody writes to
            reading, self._writing = os.pipe()
            self.answers = os.fdopen(reading, "rb", 0)
        else:
            (folder / "answers").write_bytes(said)
            self.answers = open(folder / "answers", "rb", 0)  # noqa: SIM115
        reading, writing = os.pipe()
        self.asked, self.requests = os.fdopen(reading, "rb", 0), os.fdopen(writing, "wb", 0)

    def end(self):
        self.ended += 1
        return "it used too much memory"

    def requests_so_far(self):
        return [json.loads(line) for line in self.asked.read(1 << 16).splitlines()]


@pytest.fixture
def answering(tmp_path):
    """Makes a worker whose process says given bytes."""

    def make(said=b"", limits=STANDARD, silent=False):
        process = Process(tmp_path, said if isinstance(said, bytes) else json.dumps(said).encode() + b"\n", silent)
        return Worker(process, limits), process

    return make


ABOUT = ("toy", "double", "small")
DONE = b'{"error": null, "defines": []}'


def nobody(message):
    raise AssertionError("this probe has no partner")


def asked(worker, tell=nobody):
    return worker.ask(*ABOUT, {"start": "x"}, tell)


def test_requests_say_what_is_asked(answering):
    about = {"assignment": "toy", "question": "double", "probe": "small"}
    worker, process = answering(b"{}\n" + (DONE + b"\n") * 2 + b'{"value": 1}\n' * 6)
    worker.load([Code("a = 1"), Code("b = 2")], ["a"], {"helper.py": b"\xff"})
    begin, *cells = process.requests_so_far()
    assert begin == {"begin": {"targets": ["a"], "files": {"helper.py": "/w=="}}}
    assert [cell["run"]["source"] for cell in cells] == ["a = 1", "b = 2"]
    worker.use("a", 1)
    assert asked(worker) == {"value": 1}
    worker.draw(*ABOUT, 7)
    worker.meet(*ABOUT, 7)
    worker.tell([1])
    worker.settle({"value": 3})
    assert process.requests_so_far() == [
        {"use": {"target": "a", "definition": 1}},
        {"ask": about | {"given": {"start": "x"}}},
        {"draw": about | {"seed": 7}},
        {"meet": about | {"seed": 7}},
        {"tell": {"message": [1]}},
        {"settle": {"answer": {"value": 3}}},
    ]


# what is said of cells


def lines(*said):
    return b"".join(json.dumps(one).encode() + b"\n" for one in said)


def test_what_came_of_each_cell_is_told(answering):
    raised = {"name": "ValueError", "message": "no", "line": 3}
    said = lines({}, {"error": None, "defines": ["b", "other", "a"]}, {"error": raised, "defines": []})
    worker, _ = answering(said)
    outcomes = worker.load([Code("x"), Code("y")], ["a", "b"])
    assert outcomes == [Outcome(defines=("a", "b")), Outcome("ValueError", "no", 3)]


def test_of_what_a_process_says_of_a_cell_little_is_taken(answering):
    long = {"name": "E" * 200, "message": "m" * 400, "line": None}
    worker, _ = answering(lines({}, {"error": long, "defines": 7, "share": 1.0}, {"defines": {"a": 1}}))
    assert worker.load([Code("x"), Code("y")], ["a"]) == [Outcome("E" * 100, "m" * 300), Outcome()]


@pytest.mark.parametrize(
    "error",
    [3, "E", {"name": "E"}, {"name": 3, "message": "m", "line": 1}, {"name": "E", "message": "m", "line": "1"}, ["E", "m", 1]],
)
def test_what_says_nothing_of_a_cell_is_no_answer_and_the_cell_is_named(answering, error):
    worker, _ = answering(lines({}, {"error": None}, {"error": error}))
    with pytest.raises(WorkerDied, match=r"^it did not return an answer$") as died:
        worker.load([Code("x"), Code("y"), Code("z")])
    assert died.value.cell == 1


def test_a_process_that_does_not_begin_died_of_no_cell(answering):
    worker, _ = answering(b"")
    with pytest.raises(WorkerDied) as died:
        worker.load([Code("x")])
    assert died.value.cell is None


# what is told to a partner


def test_messages_go_to_the_partner_until_there_is_an_answer(answering):
    worker, process = answering(lines({"tell": [1]}, {"tell": "more", "value": 3}, {"value": 4}))
    told = []
    assert asked(worker, lambda message: told.append(message) or {"reply": len(told)}) == {"value": 4}
    assert told == [[1], "more"]
    assert process.requests_so_far()[1:] == [{"reply": 1}, {"reply": 2}]


def test_a_message_that_made_no_sense_is_the_end_of_the_probe_and_not_of_the_process(answering):
    worker, process = answering(lines({"tell": [1]}, {"value": "cheated"}, {"value": 5}))
    answer = asked(worker, lambda message: {"gone": "there is no such batch"})
    assert answer == {"error": MALFORMED, "message": "there is no such batch"}
    assert process.requests_so_far()[1] == {"gone": "there is no such batch"}
    assert asked(worker) == {"value": 5}


def test_of_an_answer_only_its_value_is_taken(answering):
    worker, _ = answering({"value": [1, 2], "error": "x", "share": 1.0, "died": "no"})
    assert asked(worker) == {"value": [1, 2]}


def test_of_an_error_a_short_name_and_text_are_taken(answering):
    worker, _ = answering({"error": "E" * 101, "message": "m" * 1001, "value_": 3})
    assert asked(worker) == {"error": "E" * 100, "message": "m" * 1000}
    worker, _ = answering({"error": "NameError"})
    assert worker.settle({}) == {"error": "NameError", "message": ""}


@pytest.mark.parametrize("said", [{}, {"error": 3}, {"error": "E", "message": 3}, {"error": ["E"]}, {"message": "m"}])
def test_what_is_neither_a_value_nor_an_error_is_no_answer(answering, said):
    worker, _ = answering(said)
    with pytest.raises(WorkerDied, match=r"^it did not return an answer$"):
        asked(worker)


@pytest.mark.parametrize("said", [b"\n", b"{\n", b"[1]\n", b"3\n", b"\xff\n", b"[" * 100_000 + b"\n"])
def test_what_is_no_json_object_is_no_answer(answering, said):
    worker, _ = answering(said)
    with pytest.raises(WorkerDied, match=r"^it did not return an answer$"):
        worker.load([])


def test_several_answers_in_one_piece_are_told_apart(answering):
    worker, _ = answering(b'{"value": 1}\n{"value": 2}\n{"val')
    assert [asked(worker)["value"] for _ in range(2)] == [1, 2]


def test_a_process_that_ended_is_asked_why(answering):
    worker, process = answering(b'{"value": 1')
    with pytest.raises(WorkerDied, match=r"^it used too much memory$"):
        asked(worker)
    assert process.ended == 1


def test_a_process_that_takes_no_request_is_asked_why(answering):
    worker, process = answering({"value": 1})
    process.asked.close()
    with pytest.raises(WorkerDied, match=r"^it used too much memory$"):
        worker.load([Code("x = 1")])


def value_of(size):
    """An answer of so many bytes, its newline aside."""
    return b'{"value": "' + b"x" * (size - len(b'{"value": ""}')) + b'"}\n'


def test_an_answer_may_have_a_megabyte_and_no_more(answering):
    assert LARGEST_ANSWER == 1 << 20
    worker, _ = answering(value_of(LARGEST_ANSWER - 1))
    assert len(asked(worker)["value"]) > 1_000_000
    worker, _ = answering(value_of(LARGEST_ANSWER))
    with pytest.raises(WorkerDied, match=r"^its answer is too large$"):
        asked(worker)


def test_all_answers_together_have_a_limit_too(answering):
    worker, _ = answering(value_of(99_999) * 2, Limits(answers=200_000))
    for _ in range(2):
        asked(worker)
    worker, _ = answering(value_of(99_999) + value_of(100_000), Limits(answers=200_000))
    asked(worker)
    with pytest.raises(WorkerDied, match=r"^its answer is too large$"):
        asked(worker)


def test_a_long_request_is_read_piece_by_piece(answering):
    worker, process = answering(lines({"reply": 1}))
    pieces = []

    def read():
        while not b"".join(pieces).endswith(b"\n"):
            pieces.append(os.read(process.asked.fileno(), 5000))

    reader = threading.Thread(target=read)
    reader.start()
    worker.tell("x = 1\n" * 60_000)
    reader.join()
    assert json.loads(b"".join(pieces)) == {"tell": {"message": "x = 1\n" * 60_000}}


def test_a_pipe_that_is_full_is_waited_for(answering, monkeypatch):
    worker, process = answering(lines({"reply": 1}))
    write, full = os.write, iter([True, False, True, False])

    def reluctant(descriptor, data):
        if next(full, False):
            raise BlockingIOError
        return write(descriptor, data)

    monkeypatch.setattr(host.os, "write", reluctant)
    worker.tell("x = 1")
    monkeypatch.undo()
    assert process.requests_so_far() == [{"tell": {"message": "x = 1"}}]


class Clock:
    """Time that passes only while somebody waits."""

    def __init__(self, monkeypatch):
        self.now, self.waited = 1000.0, []
        monkeypatch.setattr(host.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(host.select, "select", self.select)
        self._select = host.select.select

    def select(self, reads, writes, others, seconds):
        if writes:
            return [], writes, []
        self.waited.append(seconds)
        self.now += seconds
        return [], [], []


@pytest.fixture
def clock(monkeypatch):
    return Clock(monkeypatch)


def test_each_thing_has_its_own_deadline(answering, clock):
    worker, _ = answering(silent=True, limits=Limits(load=60, ask=20, total=1000))
    for doing in (
        lambda: worker.load([]),
        lambda: worker.use("double", 0),
        lambda: asked(worker),
        lambda: worker.draw(*ABOUT, 1),
        lambda: worker.meet(*ABOUT, 1),
        lambda: worker.tell(1),
        lambda: worker.settle({}),
    ):
        with pytest.raises(WorkerDied, match=r"^it took too long$"):
            doing()
    assert clock.waited == [START_SECONDS, 20, 20, 20, 20, 20, 20]


def test_a_probe_has_one_deadline_however_often_it_tells_something(answering, clock, monkeypatch):
    worker, _ = answering(silent=True, limits=Limits(ask=20))
    monkeypatch.setattr(worker, "_receive", lambda deadline: clock.waited.append(deadline - clock.now) or b'{"tell": 1}')

    def tell(message):
        clock.now += 8
        return {"reply": 1} if clock.now < 1024 else {"gone": "enough"}

    asked(worker, tell)
    assert clock.waited == [20, 12, 4, -4]


def test_all_of_it_together_has_a_deadline_from_the_start(answering, clock):
    worker, _ = answering(silent=True, limits=Limits(ask=60, total=70))
    with pytest.raises(WorkerDied, match=r"^it took too long$"):
        worker.tell(1)
    for left in (10, 0):
        with pytest.raises(WorkerDied, match=r"^all of it together took longer than 70 seconds$"):
            worker.tell(1)
        assert clock.waited[-1] == left
    clock.now += 5
    with pytest.raises(WorkerDied, match="all of it together"):
        worker.tell(1)
    assert clock.waited[-1] == 0  # never less: select would wait for ever


def loaded(answering, clock, monkeypatch, cells, limits, each):
    """The seconds that cells were given, and what came of them, where each takes as long as it is said to."""
    worker, _ = answering(limits=limits)
    given, times = [], iter(each)

    def exchange(request, seconds):
        if "begin" in request:
            clock.now += 30  # starting is not the learner's time
            return {}
        given.append(request["run"]["seconds"])
        assert seconds == given[-1] + limits.grace
        clock.now += next(times)
        return {"error": None, "defines": []}

    monkeypatch.setattr(worker, "_exchange", exchange)
    return given, [outcome.error for outcome in worker.load(cells)]


def test_cells_share_the_time_there_is_and_each_gets_a_little(answering, clock, monkeypatch):
    limits = Limits(load=60, cell=20, least=3)
    given, errors = loaded(answering, clock, monkeypatch, [Code("x")] * 6, limits, [5, 20, 20, 10, 4, 0])
    assert given == [20, 20, 20, 15, 5, 3] and errors == [None] * 6


def test_when_time_is_long_gone_only_cells_that_are_needed_are_run(answering, clock, monkeypatch):
    limits = Limits(load=60, cell=20, least=3)
    cells = [Code("x"), Code("show", needed=False), Code("show", needed=False), Code("answer")]
    given, errors = loaded(answering, clock, monkeypatch, cells, limits, [90, 1, 1])
    assert given == [20, 3, 3] and errors == [None, None, LEFT_OUT, None]


def test_a_process_that_takes_nothing_is_given_up_too(answering, monkeypatch):
    worker, _ = answering(silent=True)
    monkeypatch.setattr(host.select, "select", lambda reads, writes, others, seconds: ([], [], []))
    with pytest.raises(WorkerDied, match=r"^it took too long$"):
        worker.tell(1)


def test_leaving_a_worker_ends_it(answering):
    worker, process = answering()
    with worker as inside:
        assert inside is worker and process.ended == 0
    assert process.ended == 1
    assert worker.close() == "it used too much memory"


# which kind of confinement


class Fake:
    """What stands in for a zygote or a spawned process: says nothing but yes."""

    def __init__(self, folder, log, name):
        self._folder, self.log, self.name, self.alive = folder, log, name, True
        log.append(name)

    def fork(self):
        return Process(self._folder, b"{}\n")

    def close(self):
        self.log.append(f"close {self.name}")


@pytest.fixture
def kinds(monkeypatch, tmp_path):
    """Which kinds fail; and a log of what was started."""
    failing, log = {}, []

    def zygote():
        if "forked" in failing:
            raise failing["forked"]
        return Fake(tmp_path, log, "zygote")

    def spawned(confined):
        kind = "single" if confined else "open"
        log.append(kind)
        if kind in failing:
            raise failing[kind]
        return Process(tmp_path, b"{}\n")

    monkeypatch.setattr(host, "_Zygote", zygote)
    monkeypatch.setattr(host, "_Spawned", spawned)
    return failing, log


def test_the_strongest_confinement_that_works_is_taken(kinds):
    failing, log = kinds
    box = Sandbox()
    assert (box.kind, box.warning, log) == ("forked", "", ["zygote"])
    failing["forked"] = OSError("no namespaces")
    box = Sandbox()
    assert (box.kind, box.warning) == ("single", "")
    failing["single"] = WorkerDied("it took too long")
    box = Sandbox()
    assert box.kind == "open" and "WITHOUT a sandbox" in box.warning
    assert "(forked: no namespaces; single: it took too long)" in box.warning
    assert Sandbox.KINDS == ("forked", "single", "open")


def test_an_open_sandbox_that_was_asked_for_still_warns(kinds):
    assert "files and network are open to them (asked for)" in Sandbox(kinds=["open"]).warning


def test_where_nothing_works_it_says_what_was_tried(kinds):
    failing, _ = kinds
    failing |= {"forked": OSError("no namespaces"), "single": OSError("no bubblewrap")}
    with pytest.raises(RuntimeError, match="no worker could be started: forked: no namespaces; single: no bubblewrap"):
        Sandbox(kinds=["forked", "single"])


def test_one_zygote_serves_all_until_it_dies(kinds):
    _, log = kinds
    box = Sandbox()
    box.worker()
    assert log == ["zygote"]
    box._zygote.alive = False
    box.worker()
    assert log == ["zygote", "zygote"]


def test_closing_ends_the_zygote_once(kinds):
    _, log = kinds
    with Sandbox() as box:
        pass
    box.close()
    assert log == ["zygote", "close zygote"]
    box.worker()  # and it can be used again
    assert log == ["zygote", "close zygote", "zygote"]


def test_workers_have_the_sandboxes_limits_or_their_own(kinds):
    limits = Limits(load=1)
    for box in (Sandbox(limits), Sandbox(limits, kinds=["single"])):
        assert box.worker().limits is limits and box.worker(PATIENT).limits is PATIENT
    assert Sandbox().worker().limits is STANDARD


# starting and ending processes


def python(code):
    return [sys.executable, "-c", code]


ECHO = "import sys\nfor line in sys.stdin:\n    print('{\"value\": 1}', flush=True)"


@pytest.fixture
def spawned(monkeypatch):
    monkeypatch.setattr(host, "_python", lambda module: python(ECHO if module == "autograder.sandbox.worker" else "0"))
    process = host._Spawned(confined=False)
    yield process
    process.end()


def test_a_spawned_process_answers_until_it_is_ended(spawned):
    folder = Path(spawned._folder.name)
    worker = Worker(spawned, STANDARD)
    assert asked(worker) == {"value": 1} and folder.is_dir()
    assert worker.close() == worker.close() == "it ended the process"
    assert spawned._process.returncode == -signal.SIGKILL
    assert not folder.exists() and spawned.requests.closed and spawned.answers.closed


def test_a_spawned_process_is_in_a_session_and_a_folder_of_its_own(monkeypatch):
    code = "import json, os; print(json.dumps([os.getcwd(), os.getsid(0) == os.getpid(), dict(os.environ)]))"
    monkeypatch.setattr(host, "_python", lambda module: python(code))
    monkeypatch.setenv("SECRET", "only ours")
    process = host._Spawned(confined=False)
    where, leads, environment = json.loads(process.answers.readline())
    process.end()
    assert leads and Path(where).name.startswith("submission-")
    assert environment["HOME"] == environment["TMPDIR"] == environment["STABILITYLAB_WORK"] == process._folder.name
    assert environment["PATH"] == os.environ["PATH"] and environment["OMP_NUM_THREADS"] == "1"
    assert environment["MPLBACKEND"] == "agg" and "SECRET" not in environment


@linux
def test_what_a_spawned_process_started_ends_with_it(monkeypatch):
    code = (
        "import subprocess, sys\nchild = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\ninput()"
    )
    monkeypatch.setattr(host, "_python", lambda module: python(code))
    process = host._Spawned(confined=False)
    child = os.pidfd_open(int(process.answers.readline()))
    process.end()
    assert select.select([child], [], [], 60)[0] == [child]  # readable once it ended
    os.close(child)


def test_a_confined_process_is_started_through_bubblewrap(monkeypatch):
    started = []
    monkeypatch.setattr(host, "_confined", lambda module: started.append(module) or python(ECHO))
    process = host._Spawned(confined=True)
    process.end()
    assert started == ["autograder.sandbox.worker"]


def forked(said=b"it used too much memory"):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    reading, writing = os.pipe()
    if said:
        theirs.send(said)
    else:
        theirs.close()
    return host._Forked(os.fdopen(writing, "wb", 0), os.fdopen(reading, "rb", 0), ours), theirs


@linux
def test_ending_a_forked_process_tells_its_keeper_and_hears_why_it_ended():
    process, theirs = forked()
    assert process.end() == process.end() == "it used too much memory"
    assert theirs.recv(10) == b""  # the keeper sees that it is no longer wanted
    assert process.requests.closed and process.answers.closed and process._lifeline.fileno() == -1


@linux
def test_a_keeper_that_says_nothing_ended_by_itself():
    assert forked(said=None)[0].end() == "it ended the process"


def zygote(monkeypatch, code):
    monkeypatch.setattr(host, "_confined", lambda module: python(code))
    return host._Zygote()


READY = "import socket, sys\ncontrol = socket.socket(fileno=int(sys.argv[1]))\ncontrol.send({!r})\n"


@linux
def test_a_zygote_that_is_ready_is_told_to_fork_and_given_three_descriptors(monkeypatch):
    code = READY.format(b"ready") + (
        "message, descriptors, _, _ = socket.recv_fds(control, 16, 9)\nimport os\n"
        "os.write(descriptors[1], b'%s %d ' % (message, len(descriptors)) + os.read(descriptors[0], 100))\n"
        "socket.socket(fileno=descriptors[2]).send(b'bye')\ncontrol.recv(1)"
    )
    made = zygote(monkeypatch, code)
    assert made.alive
    process = made.fork()
    process.requests.write(b"hello\n")
    assert process.answers.readline() == b"fork 3 hello\n" and process.end() == "bye"
    made.close()
    assert not made.alive


@linux
@pytest.mark.parametrize(
    "code, said",
    [
        ("import sys; sys.exit('first\\nsecond\\nbwrap: no permission')", "bwrap: no permission"),
        ("", "bubblewrap did not start"),
        (READY.format(b"no"), "bubblewrap did not start"),
    ],
)
def test_a_zygote_that_does_not_start_says_why(monkeypatch, code, said):
    with pytest.raises(OSError, match=f"^{said}$"):
        zygote(monkeypatch, code)


@linux
def test_a_zygote_that_is_silent_is_given_up(monkeypatch):
    monkeypatch.setattr(host, "START_SECONDS", 0.01)
    with pytest.raises(OSError, match="bubblewrap did not start"):
        zygote(monkeypatch, "import socket, sys; socket.socket(fileno=int(sys.argv[1])).recv(1)")


# the command


@pytest.fixture
def bubblewrap(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: f"/usr/bin/{name}")


def test_python_is_started_apart_from_its_environment():
    assert host._python("a.module") == [sys.executable, "-I", "-B", "-u", "-m", "a.module"]


def test_without_bubblewrap_nothing_is_confined(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with pytest.raises(OSError, match="bubblewrap is not installed"):
        host._confined("autograder.sandbox.worker")


def test_a_confined_command_takes_everything_away_and_gives_little_back(bubblewrap):
    command = host._confined("autograder.sandbox.worker")
    text = " ".join(command)
    assert command[0] == "/usr/bin/bwrap" and text.endswith(" ".join(host._python("autograder.sandbox.worker")))
    for wanted in (
        "--unshare-all",
        "--die-with-parent",
        "--new-session",
        "--cap-drop ALL",
        "--clearenv",
        "--uid 65534 --gid 65534",
        "--setenv HOME /submission",
        "--setenv OMP_NUM_THREADS 1",
        f"--size {FOLDER_BYTES} --tmpfs /tmp",
        f"--size {FOLDER_BYTES} --tmpfs /submission",
        "--remount-ro / --chdir /submission",
    ):
        assert wanted in text, wanted
    assert "--bind " not in text.replace("--ro-bind ", "")


def test_only_the_zygotes_tmp_is_read_only(bubblewrap):
    worker, keeper = (host._confined(f"autograder.sandbox.{module}") for module in ("worker", "zygote"))
    added = ["--remount-ro", "/tmp"]
    assert keeper[: -len(host._python("x"))] == worker[: -len(host._python("x"))] + added


def test_of_the_project_only_what_a_learner_has_is_needed():
    needed = host._needed()
    ours = {str(path.relative_to(workspace.ROOT)) for path in needed if path.is_relative_to(workspace.ROOT)}
    sandbox = {f"autograder/sandbox/{name}.py" for name in ("__init__", "limits", "seccomp", "worker", "zygote")}
    given = {"stabilitylab", "data/runs", "data/corpus", "autograder/__init__.py", *sandbox}
    assert {place for place in ours if not place.startswith(".venv")} == given
    assert Path(autograder.__file__) in needed and Path("/usr") in needed
    assert all(path.exists() for path in needed)
    assert not any(workspace.ROOT.is_relative_to(path) for path in needed)


def test_no_folder_is_needed_twice_and_what_python_searches_is_there():
    needed = host._needed()
    folders = [path for path in needed if not path.is_relative_to(workspace.ROOT / "data")]
    assert not any(a != b and a.is_relative_to(b) for a in folders for b in folders if not b.is_relative_to(workspace.ROOT))
    for module in ("torch", "psutil", "json"):
        found = Path(importlib.util.find_spec(module).origin)
        assert any(found.is_relative_to(path) for path in needed), module
