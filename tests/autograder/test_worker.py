"""The untrusted side, in this process: cells run, requests answered. Its limits are tried in processes forked for that."""

import io
import json
import os
import sys
import types

import pytest

from autograder.sandbox import worker
from autograder.sandbox.limits import MEMORY, RESOURCES
from stabilitylab import exercises
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME


def test_cells_share_one_namespace_in_order():
    found = worker.run_cells(["x = 1", "y = x + 1", "x = 5"])
    assert (found["x"], found["y"], found["__name__"]) == (5, 2, "__main__")


@pytest.mark.parametrize(
    "bad", ["1 / 0", "def f(:", "raise SystemExit", "raise KeyboardInterrupt", "x = \0", "class E(BaseException): pass\nraise E"]
)
def test_a_cell_that_fails_does_not_keep_the_others_from_running(bad):
    found = worker.run_cells(["x = 1", bad, "y = x"])
    assert (found["x"], found["y"]) == (1, 1)


def test_what_belongs_to_a_notebook_does_no_harm():
    found = worker.run_cells(
        ["%matplotlib inline\nx = 1", "!ls\ny = 2", "display(x)\nz = get_ipython().run_line_magic('a', 'b')"]
    )
    assert (found["x"], found["y"], found["z"]) == (1, 2, None)


# requests


@pytest.fixture
def quiet(monkeypatch):
    """A worker turns its standard streams to nowhere: here it is noted what it would turn, and this process keeps its own."""
    turned = []
    devnull = os.stat(os.devnull)
    turn = lambda nowhere, descriptor: turned.append((os.path.samestat(os.fstat(nowhere), devnull), descriptor))  # noqa: E731
    changed = {"dup2": turn}
    monkeypatch.setattr(worker, "os", types.SimpleNamespace(**vars(os) | changed))
    return turned


def served(*requests):
    incoming = io.StringIO("".join(json.dumps(request) + "\n" for request in requests))
    outgoing = io.StringIO()
    worker.serve(incoming, outgoing)
    return [json.loads(line) for line in outgoing.getvalue().splitlines()]


ABOUT = {"assignment": NAME, "question": "double", "probe": "negative"}
NEAR = {"assignment": NAME, "question": "near", "probe": "closest"}


def test_probes_are_answered_with_raw_data(toy, quiet):
    small, negative = (exercises.given(probe, 7) for probe in made_up.QUESTIONS["double"].probes)
    asked = [{"ask": ABOUT | {"probe": "small", "given": small}}, {"ask": ABOUT | {"given": negative}}]
    loaded, first, second = served({"load": {"cells": ["def double(x):\n    return 'more' if x > 0 else 'less'"]}}, *asked)
    assert (loaded, first, second) == ({}, {"value": "more"}, {"value": "less"})
    assert quiet == [(True, 0), (True, 1), (True, 2)]


def test_what_is_not_defined_is_a_name_error_and_what_raises_is_named(toy, quiet):
    ask = {"ask": ABOUT | {"given": {"start": "1"}}}
    raises = {"load": {"cells": ["def double(x):\n    raise ValueError('no')"]}}
    assert served(ask, raises, ask, {"load": {"cells": []}}, ask) == [
        {"error": "NameError"},
        {},
        {"error": "ValueError", "message": "no"},
        {},
        {"error": "NameError"},  # cells that are loaded later begin anew
    ]


def test_what_is_drawn_and_settled_needs_no_learners_code(toy, quiet):
    ((drawn,), (settled, far)) = (
        served({"draw": NEAR | {"seed": 7}}),
        served(
            *({"settle": NEAR | {"seed": 7, "answer": {"value": value}}} for value in (expected_draw() + 1, expected_draw() + 2))
        ),
    )
    assert drawn == {"data": expected_draw()} and settled == {"value": True} and far == {"value": False}


def expected_draw():
    return exercises.given(made_up.QUESTIONS["near"].probes[0], 7)["data"]


def test_answers_leave_at_once(toy, quiet):
    class Outgoing(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    outgoing = Outgoing()
    worker.serve(io.StringIO('{"load": {"cells": []}}\n'), outgoing)
    assert outgoing.flushed == "{}\n"


# a process of its own

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits of the Linux kernel")


def in_a_child(function):
    """What a function returns in a forked process, as JSON."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writing, json.dumps(function()).encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    return json.loads(said)


@linux
def test_hard_limits_are_set_and_memory_is_counted_from_here():
    import resource

    def limits():
        with open("/proc/self/statm") as file:
            before = int(file.read().split()[0]) * resource.getpagesize()
        worker.limit()
        return before, {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}")) for name in (*RESOURCES, "AS")}

    before, found = in_a_child(limits)
    memory = found.pop("AS")
    assert memory[0] == memory[1] and abs(memory[0] - before - MEMORY) < 64 << 20
    ours = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1] for name in RESOURCES}
    for name, value in RESOURCES.items():
        assert found[name] == [value if ours[name] == resource.RLIM_INFINITY else min(value, ours[name])] * 2, name


@linux
def test_a_limit_that_is_lower_already_stays():
    import resource

    def limits():
        resource.setrlimit(resource.RLIMIT_NOFILE, (32, 40))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 10, 1 << 10))
        worker.limit()
        return resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE)

    assert in_a_child(limits) == [[40, 40], [1 << 10, 1 << 10]]


@linux
def test_memory_just_under_the_limit_is_given_and_over_it_is_not(monkeypatch):
    monkeypatch.setattr(worker, "MEMORY", 64 << 20)

    def taken():
        import mmap

        worker.limit()
        mmap.mmap(-1, 48 << 20)
        try:
            mmap.mmap(-1, 80 << 20)
        except OSError:
            return "refused"

    assert in_a_child(taken) == "refused"


def test_on_windows_nothing_is_limited(monkeypatch):
    monkeypatch.setattr(worker.sys, "platform", "win32")
    worker.limit()
    import resource

    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != RESOURCES["FSIZE"]


def test_without_proc_memory_is_not_counted(monkeypatch):
    def limits():
        import resource

        worker.sys.platform = "darwin"
        before = resource.getrlimit(resource.RLIMIT_AS)
        worker.limit()
        return resource.getrlimit(resource.RLIMIT_AS) == before, resource.getrlimit(resource.RLIMIT_CORE)

    assert in_a_child(limits) == [True, [0, 0]]


def test_a_worker_prepares_limits_filters_and_then_serves(monkeypatch):
    done = []
    monkeypatch.setattr(worker, "preload", lambda: done.append("preload"))
    monkeypatch.setattr(worker, "limit", lambda: done.append("limit"))
    monkeypatch.setattr(worker.seccomp, "deny", lambda: done.append("deny"))
    monkeypatch.setattr(worker, "serve", lambda incoming, outgoing: done.append(incoming.read() + f"{outgoing.writable()}"))
    (reading, writing), (heard, saying) = os.pipe(), os.pipe()
    os.write(writing, b"hello ")
    os.close(writing)
    changed = {"dup": {0: reading, 1: saying}.get}
    monkeypatch.setattr(worker, "os", types.SimpleNamespace(**vars(os) | changed))
    worker.main()
    os.close(heard)
    assert done == ["preload", "limit", "deny", "hello True"]


def test_what_submissions_need_is_ready_before_they_run(monkeypatch):
    import torch

    from stabilitylab.training import loop
    from stabilitylab.training.config import RunConfig

    made = []
    monkeypatch.setattr(loop, "Trainer", made.append)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        worker.preload()
        assert torch.get_num_threads() == 1 and made == [RunConfig()]
    finally:
        torch.set_num_threads(threads)
    assert {"torch", "stabilitylab.figures.plots", "IPython.core.inputtransformer2"} <= set(sys.modules)
