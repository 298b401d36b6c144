"""The untrusted side, in this process: cells run in IPython, requests answered. Its limits are tried in processes forked for
that."""

import asyncio
import base64
import builtins
import io
import json
import os
import sys
import threading
import types

import pytest

from autograder.sandbox import worker
from autograder.sandbox.limits import MEMORY, RESOURCES
from autograder.sandbox.worker import Notebook
from stabilitylab import exercises
from stabilitylab.exercises import Question
from stabilitylab.exercises.values import encode
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME

linux = pytest.mark.skipif(sys.platform != "linux", reason="limits and processes of the Linux kernel")


@pytest.fixture(scope="module", autouse=True)
def ipython(tmp_path_factory):
    """One IPython for all of these tests, which is gone when they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IPYTHONDIR", str(tmp_path_factory.mktemp("ipython")))
        found = worker.shell()
        assert worker.shell() is found
        yield found
        type(found).clear_instance()


@pytest.fixture(autouse=True)
def as_before(monkeypatch, tmp_path):
    """A notebook takes the place of what this process started with, for the time of a test."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setattr(builtins, "input", builtins.input)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    made = []
    monkeypatch.setattr(worker.asyncio, "new_event_loop", lambda new=asyncio.new_event_loop: made.append(new()) or made[-1])
    yield
    for loop in made:
        loop.close()


def ran(*sources, targets=("found",), files=None, seconds=60.0):
    """What a notebook of some cells defines as `found`; none of them may fail."""
    notebook = Notebook(targets, files or {})
    for source in sources:
        error = notebook.run(source, seconds)["error"]
        assert error is None, (source, error)
    return notebook.namespace["found"]


def failed(source, seconds=60.0):
    """What is told of a cell that fails: the exception's name, its text and the line."""
    error = Notebook([], {}).run(source, seconds)["error"]
    return error["name"], error["message"], error["line"]


def test_cells_share_one_namespace_in_order():
    assert ran("x = 1", "y = x + 1", "x = 5", "found = [x, y, __name__]") == [5, 2, "__main__"]


def test_every_notebook_begins_anew():
    ran("x = 1", "from __future__ import annotations", "found = 1")
    assert ran("found = 'x' in globals()") is False
    assert ran("def found(a: int): ...").__annotations__ == {"a": int}


@pytest.mark.parametrize(
    "bad, name",
    [
        ("1 / 0", "ZeroDivisionError"),
        ("def f(:", "SyntaxError"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("x = \0", "SyntaxError"),
        ("class E(BaseException): pass\nraise E", "E"),
        ("'", "SyntaxError"),
        ("%nothing", "UsageError"),
        ("%%nothing\nx = 2", "UsageError"),
        ("input('Your name?')", "EOFError"),
    ],
)
def test_a_cell_that_fails_does_not_keep_the_others_from_running(bad, name):
    notebook = Notebook(["y"], {})
    told = [notebook.run(source, 60.0) for source in ("x = 1", bad, "y = x")]
    assert told[1]["error"]["name"] == name and told[2] == {"error": None, "defines": ["y"]}
    assert notebook.namespace["y"] == 1


def test_a_cell_that_fails_is_told_with_its_line_and_its_text():
    assert failed("x = 1\n\n1 / 0") == ("ZeroDivisionError", "division by zero", 3)
    assert failed("def f():\n    return 1 / 0\n\nf()\n") == ("ZeroDivisionError", "division by zero", 4)
    assert failed("import json\njson.loads('{')")[::2] == ("JSONDecodeError", 2)
    assert failed("x = 1\ny = (") == ("SyntaxError", "'(' was never closed", 2)
    assert failed(f"class {'E' * 200}(Exception): ...\nraise {'E' * 200}('m' * 400)") == ("E" * 100, "m" * 300, 2)


@linux
def test_a_cell_that_runs_too_long_is_interrupted_and_the_next_one_runs():
    for endless in (
        "while True:\n    pass",
        "import time\ntime.sleep(600)",
        "import asyncio\nawait asyncio.sleep(600)",
        "while True:\n    try:\n        1 / 0\n    except Exception:\n        pass",
    ):
        notebook = Notebook(["after"], {})
        told = notebook.run(endless, 0.05)["error"]
        assert (told["name"], told["message"]) == ("TookTooLong", "it was stopped after 0 seconds"), endless
        assert notebook.run("after = 1", 60.0) == {"error": None, "defines": ["after"]}


@linux
def test_after_a_cell_nothing_is_interrupted_any_more():
    import signal

    ran("found = 1", seconds=0.2)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_where_the_system_has_no_alarm_cells_run_all_the_same(monkeypatch):
    monkeypatch.delattr(worker.signal, "setitimer", raising=False)
    assert ran("found = 1", seconds=1e-9) == 1


# as in a notebook


@pytest.mark.parametrize(
    "cells, found",
    [
        (["%%time\nfound = 1"], 1),
        (["%%capture printed\nprint('hello')\nx = 1", "found = [x, printed.stdout]"], [1, "hello\n"]),
        (["%%writefile helper_of_mine.py\ndef f():\n    return 3", "import helper_of_mine\nfound = helper_of_mine.f()"], 3),
        (["%timeit -n1 -r1 pass\nfound = 1"], 1),
        (["%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1])\nfound = 1"], 1),
        (["%load_ext autoreload\n%autoreload 2\nfound = 1"], 1),
        (["import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 4\nfound = await f()"], 4),
        (["import asyncio\nfound = [type(asyncio.get_running_loop()).__name__ != '']"], [True]),
        (["7", "_ + 1", "found = _"], 8),
        (["len?\nfound = 1"], 1),
        (["%%html\n<b>Hello</b>", "%%javascript\nalert(1)", "found = 1"], 1),
        (["exit()", "quit", "found = 1"], 1),
        (["%debug", "found = 1"], 1),
        (["%reset -f", "found = 1"], 1),
        (["for i in range(3):\n    display(i)\nfound = 1"], 1),
        (["from IPython.display import clear_output\nclear_output(wait=True)\nfound = 1"], 1),
        (["found = get_ipython().user_ns is globals()"], True),
        (["from IPython import get_ipython\nfound = get_ipython() is not None"], True),
        (["import __main__\nx = 1\nfound = __main__.x"], 1),
    ],
)
def test_cells_do_what_they_do_in_a_notebook(cells, found):
    assert ran(*cells) == found


OWN_CLASSES = {
    "pickling": "import pickle\nclass K:\n    x = 1\nfound = pickle.loads(pickle.dumps(K())).x",
    "a dataclass": (
        "from dataclasses import dataclass, InitVar\n@dataclass\nclass D:\n    a: int\n    b: InitVar[int] = 0\n"
        "    def __post_init__(self, b):\n        self.a += b\nfound = D(1, 2).a - 2"
    ),
    "its source": "import inspect\ndef f():\n    return 7\nfound = 'return 7' in inspect.getsource(f)",
    "annotations": (
        "import functools\n@functools.singledispatch\ndef f(x): ...\n@f.register\ndef _(x: int):\n    return 1\nfound = f(3)"
    ),
    "type hints": "import typing\ndef f(x: int) -> 'K': ...\nclass K: ...\nfound = typing.get_type_hints(f)['return'] is K",
}


@pytest.mark.parametrize("what", OWN_CLASSES)
def test_own_classes_and_functions_are_as_in_a_notebook(what):
    assert ran(OWN_CLASSES[what]) == 1


@pytest.mark.parametrize("cell", ["!touch made", "%pip install nothing", "x = !touch made", "%sx touch made"])
def test_shell_commands_do_nothing_and_harm_nothing(cell, capfd):
    assert ran(cell, "found = 1") == 1
    assert not os.path.exists("made") and "Shell commands do not run here." in capfd.readouterr().out


def test_the_rest_of_a_cell_with_a_shell_command_runs():
    assert ran("!ls\nlisted = !ls\nfound = [list(listed), _exit_code]") == [[], 1]


def test_own_files_lie_beside_the_notebook():
    files = {"mine.py": b"x = 1\n", "data/table.csv": b"\xff\x00"}
    assert ran("import mine\nfound = [mine.x, open('data/table.csv', 'rb').read()]", files=files) == [1, b"\xff\x00"]


# definitions


def test_every_definition_of_a_target_is_remembered_and_can_be_put_in_force():
    notebook = Notebook(["f", "x"], {})
    sources = ("def f(): return 1", "y = 2", "def f(): return 2\nx = f", "f = f")
    told = [notebook.run(source, 60.0)["defines"] for source in sources]
    assert told == [["f"], [], ["f", "x"], []]
    assert [f() for f in notebook.definitions["f"]] == [1, 2]


def test_a_cell_that_fails_after_it_defined_something_has_defined_it():
    told = Notebook(["f"], {}).run("def f(): ...\n1 / 0", 60.0)
    assert told["error"]["name"] == "ZeroDivisionError" and told["defines"] == ["f"]


def test_what_is_there_but_was_not_asked_for_is_not_told():
    notebook = Notebook(["print", "absent"], {})
    assert notebook.run("x = 1", 60.0)["defines"] == []


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
    """The answers of a worker to some requests, one after the other, as from another process: it may fork in between."""
    (reading, asking), (hearing, answering) = os.pipe(), os.pipe()
    answers = []

    def host():
        with os.fdopen(asking, "w") as out, os.fdopen(hearing) as back:
            for request in requests:
                out.write(json.dumps(request) + "\n")
                out.flush()
                answers.append(json.loads(back.readline()))

    talking = threading.Thread(target=host)
    talking.start()
    with os.fdopen(reading) as incoming, os.fdopen(answering, "w") as outgoing:
        worker.serve(incoming, outgoing)
    talking.join()
    return answers


ENTER, LEAVE = {"enter": {"assignment": NAME, "question": "double"}}, {"leave": {}}


def begun(*sources, targets=("double",), files=None):
    """The requests that run some cells, as many as their answers."""
    cells = [{"run": {"source": source, "seconds": 60.0}} for source in sources]
    return [{"begin": {"targets": list(targets), "files": files or {}}}, *cells]


ABOUT = {"assignment": NAME, "question": "double", "probe": "negative"}
NEAR = {"assignment": NAME, "question": "near", "probe": "closest"}
START = {"given": {"start": "1"}}


def test_probes_are_answered_with_raw_data(toy, quiet):
    small, negative = (exercises.given(probe, 7) for probe in made_up.QUESTIONS["double"].probes)
    asked = [{"ask": ABOUT | {"probe": "small", "given": small}}, {"ask": ABOUT | {"given": negative}}]
    begin, ran, *answers = served(*begun("def double(x):\n    return 'more' if x > 0 else 'less'"), *asked)
    assert (begin, ran) == ({}, {"error": None, "defines": ["double"]})
    assert answers == [{"value": "more"}, {"value": "less"}]
    assert quiet == [(True, 0), (True, 1), (True, 2)]


def test_what_is_not_defined_is_told_and_what_raises_is_named(toy, quiet):
    ask = {"ask": ABOUT | START}
    answers = served(*begun(), ask, *begun("def double(x):\n    raise ValueError('no')"), ask, *begun(), ask)
    undefined = {"error": exercises.UNDEFINED}
    # cells that are loaded later begin anew
    assert [answers[at] for at in (1, 4, 6)] == [undefined, {"error": "ValueError", "message": "no"}, undefined]


def test_the_definition_in_force_is_asked(toy, quiet):
    two = begun("def double(x):\n    return 1", "def double(x):\n    return 2")
    use = lambda at: {"use": {"target": "double", "definition": at}}  # noqa: E731
    ask = {"ask": ABOUT | START}
    assert served(*two, ask, use(0), ask, use(1), ask)[3:] == [{"value": 2}, {}, {"value": 1}, {}, {"value": 2}]


def test_functions_find_display_and_their_files_find_ipython_while_they_are_asked(toy, quiet, monkeypatch):
    monkeypatch.delitem(sys.modules, "shows", raising=False)
    content = base64.b64encode(b"def inside():\n    return get_ipython() is not None\n").decode()
    cell = "import shows\ndef double(x):\n    display(x)\n    return shows.inside()"
    assert served(*begun(cell, files={"shows.py": content}), {"ask": ABOUT | START})[-1] == {"value": True}


def test_own_checks_in_a_cell_do_no_harm(toy, quiet, monkeypatch, tmp_path):
    monkeypatch.setattr(exercises.checks, "CHECKS", tmp_path / "nowhere")
    cells = "def double(x):\n    return 2 * x", "from stabilitylab.exercises import check\ncheck('toy/double', double)"
    answers = served(*begun(*cells), {"ask": ABOUT | {"given": {"start": "1"}}})
    assert answers[2]["error"] is None and answers[3]["value"] < -2


def test_files_come_with_the_notebook(toy, quiet):
    cell = "double = lambda x: open('notes.txt').read()"
    assert served(*begun(cell, files={"notes.txt": "aGVsbG8="}), {"ask": ABOUT | START})[-1] == {"value": "hello"}


def test_what_is_drawn_and_settled_needs_no_learners_code(toy, quiet):
    given = exercises.given(made_up.QUESTIONS["near"].probes[0], 7)
    settles = [{"settle": {"answer": {"value": given["data"] + far}}} for far in (1, 2)]
    answers = served({"draw": NEAR | {"seed": 7}}, {"meet": NEAR | {"seed": 7}}, *settles)
    assert answers == [given, {}, {"value": True}, {"value": False}]


@linux
def test_a_worker_that_loads_many_notebooks_holds_no_more_descriptors(quiet):
    open_files = lambda: len(os.listdir("/proc/self/fd"))  # noqa: E731
    served(*begun("x = 1"))
    before = open_files()
    import gc

    gc.disable()
    try:
        served(*begun("x = 1") * 20)
        assert open_files() <= before + 6
    finally:
        gc.enable()


def test_answers_leave_at_once(toy, quiet):
    class Outgoing(io.StringIO):
        flushed = ""

        def flush(self):
            self.flushed = self.getvalue()

    outgoing = Outgoing()
    worker.serve(io.StringIO('{"begin": {"targets": [], "files": {}}}\n'), outgoing)
    assert outgoing.flushed == "{}\n"


# partners


GUESS = {"assignment": NAME, "question": "guess", "probe": "found_by_asking"}


@pytest.fixture
def guess(toy, monkeypatch):
    made_up.install(toy, monkeypatch, **made_up.GUESS)


def test_a_probe_tells_its_partner_what_it_does_and_goes_on_with_the_reply(guess, quiet):
    cell = "def guess(higher):\n    low = 0\n    while higher(low):\n        low += 1\n    return low"
    replies = [{"reply": True}, {"reply": True}, {"reply": False}]
    answers = served(*begun(cell, targets=["guess"]), {"ask": GUESS | START}, *replies)
    assert answers[2:] == [{"tell": 0}, {"tell": 1}, {"tell": 2}, {"value": 2}]


def test_a_message_that_made_no_sense_ends_the_probe(guess, quiet):
    cell = "def guess(higher):\n    return higher('x')"
    answers = served(*begun(cell, targets=["guess"]), {"ask": GUESS | START}, {"gone": "that is no number"})
    assert answers[2:] == [{"tell": "x"}, {"error": "ValueError", "message": "that is no number"}]


def test_what_a_partner_replies_and_settles(guess, quiet):
    wanted = made_up.number_to_guess(7)
    told = [{"tell": {"message": encode(value)}} for value in (wanted - 1, wanted, "x")]
    settled = [{"settle": {"answer": {"value": wanted}}}, {"settle": {"answer": {"value": wanted + 1}}}]
    answers = served({"meet": GUESS | {"seed": 7}}, *told, *settled)
    assert answers[:3] == [{}, {"reply": True}, {"reply": False}]
    assert list(answers[3]) == ["gone"] and answers[4:] == [{"value": [True, 2]}, {"value": [False, 2]}]


def test_a_message_that_is_no_plain_data_makes_no_sense(guess, quiet):
    _, answer, still = served({"meet": GUESS | {"seed": 7}}, {"tell": {"message": {"other": "Liar"}}}, {"tell": {"message": 0}})
    assert answer == {"gone": "not plain data"} and still == {"reply": True}


# what is ruled out


@pytest.fixture
def ruled(toy, monkeypatch):
    """A question whose library function is ruled out, and one that may use it."""
    library = types.ModuleType("library_of_toys")
    exec("def helped(x):\n    return 2 * x", vars(library))
    monkeypatch.setitem(sys.modules, "library_of_toys", library)
    double = made_up.QUESTIONS["double"]
    strict = Question("double", double.probes, ruled_out=("library_of_toys.helped",))
    questions = made_up.QUESTIONS | {"double": strict, "free": Question("double", double.probes)}
    made_up.install(toy, monkeypatch, questions=questions)
    return library


SEARCHES = """
import gc, types
from library_of_toys import helped
def double(x):
    found = []
    for thing in gc.get_objects():
        for part in (thing, *gc.get_referents(thing)):
            if isinstance(part, types.CodeType) and part.co_name == 'helped' and part.co_argcount == 1:
                found.append(part)
            if isinstance(part, types.FunctionType) and part.__name__ == 'helped' and part.__code__.co_name == 'helped':
                found.append(part)
    return len(found)
"""


@linux
def test_what_is_ruled_out_cannot_be_found_while_a_probe_runs(ruled, quiet):
    free = {"ask": ABOUT | START | {"question": "free"}}
    answers = served(*begun(SEARCHES), ENTER, {"ask": ABOUT | START}, {"ask": ABOUT | START}, LEAVE, free)[2:]
    assert answers[:4] == [{}, {"value": 0}, {"value": 0}, {}] and answers[4]["value"] > 0


@linux
@pytest.mark.parametrize(
    "way",
    [
        "return helped(x)",
        "try:\n        helped(x)\n    except BaseException:\n        pass\n    return 2 * x",
        "import importlib, library_of_toys\n    return library_of_toys.helped(x)",
        "from stabilitylab.exercises import ruled_out\n    ruled_out._USED = []\n    return helped(x)",
    ],
)
def test_using_what_is_ruled_out_is_told_and_it_comes_back_for_other_questions(ruled, quiet, way):
    cell = f"from library_of_toys import helped\ndef double(x):\n    {way}"
    ask = {"ask": ABOUT | START}
    free = {"ask": ABOUT | START | {"question": "free"}}
    for before, after in (((), ()), ((ENTER,), (LEAVE,))):  # as of our own answers, as of a learner's
        strict = [*before, ask, *after]
        answers = [answer for answer in served(*begun(cell), *strict, free, *strict)[2:] if answer]
        assert [answer.get("error") for answer in answers] == ["RuledOut", None, "RuledOut"]
        assert answers[1]["value"] < -2 and ruled.helped(4) == 8


@linux
def test_a_question_with_something_ruled_out_has_partners_and_errors_too(ruled, quiet):
    assert served(*begun("def double(x):\n    raise ValueError('no')"), ENTER, {"ask": ABOUT | START}, LEAVE)[-2] == {
        "error": "ValueError",
        "message": "no",
    }
    assert served({"begin": {"targets": [], "files": {}}}, {"ask": ABOUT | START})[-1] == {"error": exercises.UNDEFINED}


@linux
def test_code_that_ends_its_process_ends_the_worker_even_where_a_process_was_made_for_the_probe(ruled, quiet):
    def answers():
        sys.stdout.flush()
        served(*begun("import os\ndef double(x):\n    os._exit(0)"), ENTER, {"ask": ABOUT | START}, LEAVE, *begun())
        return "went on"

    assert in_a_child(answers) is None


# a process of its own


def in_a_child(function):
    """What a function returns in a forked process, as JSON; None if it ends the process."""
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
    return json.loads(said) if said else None


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
        resource.setrlimit(resource.RLIMIT_NOFILE, (60, 60))
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 10, 1 << 10))
        worker.limit()
        return resource.getrlimit(resource.RLIMIT_NOFILE), resource.getrlimit(resource.RLIMIT_FSIZE)

    assert in_a_child(limits) == [[60, 60], [1 << 10, 1 << 10]]


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
