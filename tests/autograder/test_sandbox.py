"""Where learners' code runs. What attackers try there is in test_hostile.py."""

import shutil
import sys

import nbformat
import pytest

from autograder import judge, submissions
from autograder.sandbox import host
from autograder.sandbox.host import Limits, Sandbox, WorkerDied
from stabilitylab import workspace

NAME = "a1_clipping"
CONFINED = pytest.param("forked"), pytest.param("single")
needs_bubblewrap = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("bwrap") is None, reason="bubblewrap is not installed (apt install bubblewrap)"
)


def answer_of(worker, code):
    """What code that defines `found` leaves there, by way of a probe that hands its function's result through."""
    worker.load([f"{code}\ndef cosine_similarity(a, b):\n    return found() if callable(found) else found"])
    return worker.ask(NAME, "cosine_similarity", "one_vector_over_all_tensors", {"start": "1"})["value"]


@needs_bubblewrap
@pytest.mark.parametrize("kind", CONFINED)
def test_a_confined_submission_sees_the_course_and_nothing_else_of_ours(kind):
    root = str(workspace.ROOT)
    code = (
        "import os\n"
        f"found = [sorted(os.listdir({root!r})), sorted(os.listdir({root + '/autograder'!r})), os.path.exists('/etc/passwd')]"
    )
    with Sandbox(kinds=[kind]) as box, box.worker() as worker:
        top, grader, passwords = answer_of(worker, code)
    assert set(top) <= {".venv", "autograder", "data", "stabilitylab"} and grader == [
        "__init__.py",
        "seccomp.py",
        "worker.py",
        "zygote.py",
    ]
    assert passwords is False and box.warning == ""


@needs_bubblewrap
@pytest.mark.parametrize("kind", CONFINED)
def test_a_confined_submission_has_a_home_and_no_network(kind):
    code = """
import os, socket, tempfile
with tempfile.NamedTemporaryFile("w") as file:
    file.write("x")
open("notes.txt", "w").close()
try:
    socket.create_connection(("127.0.0.1", 22), timeout=1)
    found = "connected"
except OSError as error:
    interfaces = len(os.listdir("/sys/class/net")) if os.path.exists("/sys") else 0
    found = [type(error).__name__, os.path.exists("notes.txt"), interfaces]
"""
    with Sandbox(kinds=[kind]) as box, box.worker() as worker:
        name, written, _ = answer_of(worker, code)
    assert name != "connected" and written is True


@needs_bubblewrap
def test_two_submissions_share_nothing():
    with Sandbox(kinds=["forked"]) as box, box.worker() as one, box.worker() as other:
        answer_of(one, "open('left_here', 'w').close()\nimport torch\ntorch.marked = True\nfound = 1")
        assert answer_of(other, "import os, torch\nfound = [os.listdir('.'), hasattr(torch, 'marked')]") == [[], False]


@needs_bubblewrap
def test_a_zygote_that_died_is_replaced():
    with Sandbox(kinds=["forked"]) as box:
        box._zygote._process.kill()
        box._zygote._process.wait()
        with box.worker() as worker:
            assert answer_of(worker, "found = 3") == 3


@pytest.mark.parametrize("code, said", [("while True: pass", "took too long"), ("import os; os._exit(0)", "ended the process")])
def test_a_worker_that_does_not_answer_is_given_up(code, said):
    with Sandbox(Limits(load=2.0)) as box, box.worker() as worker, pytest.raises(WorkerDied, match=said):
        worker.load([code])


def test_where_bubblewrap_is_missing_it_says_so_and_marks_are_the_same(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with Sandbox() as box:
        assert box.kind == "open" and "WITHOUT a sandbox" in box.warning and "files and network are open" in box.warning
        expected = judge.Expected(box, NAME, seed=99)
        solution = nbformat.read(workspace.ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
        cheating = (
            "from stabilitylab import exercises\nexercises.mark = lambda *a, **k: (1.0, [])\nexercises.encode = lambda *a: True\n"
        )
        for cells, share in ((submissions.code_cells(solution), 1.0), ([cheating + "def clip_grad_norm(p, m): return 0.0"], 0.0)):
            marks = judge.judge(box, judge.collect(box, cells, expected), expected)
            assert {mark.share for mark in marks.values()} == {share}
