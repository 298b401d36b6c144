"""The kinds of sandbox in which every submission starts PyTorch anew. The usual kind: test_zygote.py. Attackers: hostile/."""

import shutil
import sys

import nbformat
import pytest

from autograder import judge, rebuilding
from autograder.asking import collect
from autograder.expected import Expected
from autograder.sandbox import host
from autograder.sandbox.host import Code, Limits, Sandbox, WorkerDied
from autograder.sandbox.limits import PATIENT
from stabilitylab import workspace
from tests.autograder.test_zygote import ENDLESS, answer_of

pytestmark = pytest.mark.slow
NAME = "a1_clipping"


@pytest.fixture(scope="module")
def single():
    """A bubblewrap around every submission."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt install bubblewrap)")
    with Sandbox(kinds=["single"]) as box:
        yield box


@pytest.fixture(scope="module")
def opened():
    """A plain process for every submission."""
    with Sandbox(kinds=["open"]) as box:
        yield box


def test_a_submission_sees_the_course_and_nothing_else_of_ours(single):
    grader = workspace.ROOT / "autograder"
    code = f"""
import os
found = [sorted(os.listdir(folder)) for folder in {[str(workspace.ROOT), str(grader), str(grader / "sandbox")]}]
found.append(os.path.exists('/etc/passwd'))
"""
    with single.worker() as worker:
        top, ours, sandbox, passwords = answer_of(worker, code)
    assert set(top) <= {".venv", "autograder", "data", "stabilitylab"} and ours == ["__init__.py", "sandbox"]
    assert sandbox == ["__init__.py", "limits.py", "seccomp.py", "worker.py", "zygote.py"]
    assert passwords is False and single.warning == ""


def test_a_submission_has_a_home_and_no_network(single):
    code = """
import os, socket, tempfile
with tempfile.NamedTemporaryFile("w") as file:
    file.write("x")
open("notes.txt", "w").close()
try:
    socket.create_connection(("127.0.0.1", 22), timeout=1)
    found = "connected"
except OSError as error:
    found = [type(error).__name__, os.path.exists("notes.txt")]
"""
    with single.worker() as worker:
        name, written = answer_of(worker, code)
    assert name != "connected" and written is True


@pytest.mark.parametrize("kind", ["single", "opened"])
@pytest.mark.parametrize("code, said", [(ENDLESS, "took too long"), ("import os; os._exit(0)", "ended the process")])
def test_a_worker_that_does_not_answer_is_given_up(kind, code, said, request):
    with request.getfixturevalue(kind).worker(PATIENT) as worker:
        worker.load([])  # it has started
        worker.limits = Limits(load=0.5, least=0.5, grace=0.5)
        with pytest.raises(WorkerDied, match=said):
            worker.load([Code(code)])


def test_where_bubblewrap_is_missing_it_says_so_and_marks_are_the_same(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with Sandbox() as box:
        assert box.kind == "open" and "WITHOUT a sandbox" in box.warning and "files and network are open" in box.warning
        expected = Expected(box, NAME, seed=99)
        solution = nbformat.read(workspace.ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
        cheating = (
            "from stabilitylab import exercises\nexercises.mark = lambda *a, **k: (1.0, [])\nexercises.encode = lambda *a: True\n"
        )
        cheater = [Code(cheating + "def clip_grad_norm(p, m): return 0.0", position=1)]
        for cells, share in ((rebuilding.rebuild(solution, []).code, 1.0), (cheater, 0.0)):
            marks = judge.judge(collect(box, cells, expected), cells, expected)
            assert {mark.share for mark in marks.values()} == {share}
