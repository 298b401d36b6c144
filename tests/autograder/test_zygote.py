"""What confines a submission: its keeper's counting in this process, and the real thing in the one sandbox of these tests."""

import os
import socket
import sys
import types

import psutil
import pytest

from autograder.sandbox import host, zygote
from autograder.sandbox.host import Code, Limits, WorkerDied
from autograder.sandbox.limits import FOLDER_FILES, MEMORY, PROCESSES, THREADS
from stabilitylab import workspace

linux = pytest.mark.skipif(sys.platform != "linux", reason="zygotes and their keepers are for Linux")
PROBE = ("a1_clipping", "quiz_nan", "_choice", {"start": "1"})


def answer_of(worker, code):
    """What code that defines `found` leaves there, by way of a question that hands its answer through."""
    worker.load([Code(code), Code("answer_nan = found() if callable(found) else found")])
    return worker.ask(*PROBE, tell=None)["value"]


def found_in(box, code, limits=None):
    with box.worker(limits) as worker:
        return answer_of(worker, code)


# counting, without a sandbox


class Family:
    """Stands in for psutil: processes by number, each with its memory and its threads; None for one that is gone."""

    def __init__(self, monkeypatch, *members):
        self.members = members
        monkeypatch.setattr(zygote.psutil, "Process", lambda pid: self.member(members[0], first=True))

    def member(self, about, first=False):
        if about is None:
            if first:
                raise psutil.NoSuchProcess(1)
            return types.SimpleNamespace(memory_info=self.gone, num_threads=self.gone)
        memory, threads = about
        children = lambda recursive: [self.member(one) for one in self.members[1:]] if recursive else []  # noqa: E731
        info = types.SimpleNamespace(rss=memory, vms=1 << 50)
        return types.SimpleNamespace(memory_info=lambda: info, num_threads=lambda: threads, children=children)

    @staticmethod
    def gone():
        raise psutil.NoSuchProcess(1)


BASE = 300 << 20


@pytest.mark.parametrize(
    "family, said",
    [
        ([(BASE, 1)], None),
        ([None], None),
        ([(BASE + MEMORY, 1)], None),
        ([(BASE + MEMORY + 1, 1)], "it used too much memory"),
        ([(BASE + MEMORY // 2, 1), (BASE + MEMORY // 2, 1)], None),
        ([(BASE + MEMORY // 2, 1), (BASE + MEMORY // 2 + 1, 1)], "it used too much memory"),
        ([(BASE + MEMORY + 1, 1), (BASE - 1000, 1)], "it used too much memory"),  # a small one makes up for nobody
        ([(BASE + MEMORY, 1), (BASE - 1000, 1)], None),
        ([(BASE, 1)] * PROCESSES, None),
        ([(BASE, 1)] * (PROCESSES + 1), "it started too many processes"),
        ([(BASE, THREADS)], None),
        ([(BASE, THREADS + 1)], "it started too many threads"),
        ([(BASE, THREADS // 2)] * 2, None),
        ([(BASE, THREADS // 2), (BASE, THREADS // 2 + 1)], "it started too many threads"),
        ([(BASE, 1), None, (BASE + MEMORY + 1, 1)], "it used too much memory"),  # one that is just gone hides no other
        ([(BASE, 1), None, (BASE, THREADS)], "it started too many threads"),
    ],
)
def test_a_submission_is_counted_with_all_its_processes(monkeypatch, family, said):
    Family(monkeypatch, *family)
    assert zygote._excess(1, BASE) == said


def test_what_the_kernel_refuses_is_an_error():
    zygote._must(0, "mount")
    with pytest.raises(OSError, match="mount /tmp"):
        zygote._must(-1, "mount /tmp")


def keeper(monkeypatch, excess, child=lambda: None):
    """What a keeper says at the end of a submission, which is a child of this process that does what it is told."""
    monkeypatch.setattr(zygote, "_new_namespaces", lambda: None)
    monkeypatch.setattr(zygote, "_submission", lambda incoming, outgoing: child())
    monkeypatch.setattr(zygote, "_excess", excess)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    nowhere = [os.open(os.devnull, os.O_RDWR) for _ in range(2)]
    return ours, theirs, nowhere


@linux
def test_a_keeper_ends_a_submission_that_uses_too_much_and_says_why(monkeypatch):
    counts = iter([None, None, "it used too much memory"])
    ours, theirs, nowhere = keeper(monkeypatch, lambda pid, baseline: next(counts), lambda: os.read(os.pipe()[0], 1))
    zygote._keep(*nowhere, theirs)
    assert ours.recv(100) == b"it used too much memory" and next(counts, None) is None


@linux
def test_a_keeper_says_that_a_submission_ended_by_itself(monkeypatch):
    ours, theirs, nowhere = keeper(monkeypatch, lambda pid, baseline: None)
    zygote._keep(*nowhere, theirs)
    assert ours.recv(100) == b"it ended the process"


@linux
def test_a_keeper_ends_a_submission_that_is_no_longer_wanted(monkeypatch):
    ours, theirs, nowhere = keeper(monkeypatch, lambda pid, baseline: None, lambda: os.read(os.pipe()[0], 1))
    ours.shutdown(socket.SHUT_WR)
    reading, writing = os.pipe()
    zygote._keep(nowhere[0], writing, theirs)
    assert ours.recv(100) == b"it ended the process"
    assert os.read(reading, 1) == b""  # the keeper does not hold the other end


# the real thing


def test_a_submission_sees_the_course_and_nothing_else_of_ours(box):
    grader = workspace.ROOT / "autograder"
    code = f"""
import os
def found():
    seen = [sorted(os.listdir(folder)) for folder in {[str(workspace.ROOT), str(grader), str(grader / "sandbox")]}]
    return [*seen, [path for path in ("/etc/passwd", "/proc/self", "/proc/1", "/submission") if os.path.exists(path)]]
"""
    top, ours, sandbox, elsewhere = found_in(box, code)
    assert set(top) <= {".venv", "autograder", "data", "stabilitylab"} and ours == ["__init__.py", "sandbox"]
    assert sandbox == ["__init__.py", "limits.py", "seccomp.py", "worker.py", "zygote.py"]
    assert elsewhere == ["/submission"] and box.warning == ""


def test_a_submission_has_private_folders_of_limited_size_and_writes_nowhere_else(box):
    code = """
import os, tempfile
found = {}
with tempfile.NamedTemporaryFile("w") as file:
    file.write("x")
for folder in (".", "/tmp", "/dev/shm", "/run", "/proc", "/", "/usr", "/dev", ROOT, ROOT + "/stabilitylab"):
    try:
        with open(os.path.join(folder, "notes.txt"), "w"):
            found[folder] = os.statvfs(folder).f_blocks * os.statvfs(folder).f_frsize
    except OSError:
        found[folder] = None
found = [[os.getcwd(), os.environ["HOME"], os.environ["TMPDIR"]], found]
"""
    where, written = found_in(box, f"ROOT = {str(workspace.ROOT)!r}\n{code}")
    assert where == ["/submission"] * 3
    mb = 64 << 20
    limited = {".": mb, "/dev/shm": mb, "/run": 4096, "/proc": 4096}
    limited["/tmp"] = None if str(workspace.ROOT).startswith("/tmp/") else mb  # then /tmp must stay in sight, and is read-only
    refused = dict.fromkeys(("/", "/usr", "/dev", str(workspace.ROOT), f"{workspace.ROOT}/stabilitylab"))
    assert dict(written["dict"]) == limited | refused


def test_a_folder_holds_so_many_names_and_no_more(box):
    code = """
import errno, os
def fill(folder):
    made = []
    try:
        while len(made) < 10_000:
            made.append(os.path.join(folder, f"n{len(made)}"))
            os.close(os.open(made[-1], os.O_CREAT))
    except OSError as error:
        said = error.errno
    for path in made[:-1]:
        os.unlink(path)
    return [len(made), said]
def found():
    return [fill("."), fill("/dev/shm")]
"""
    import errno

    for names, said in found_in(box, code):
        assert FOLDER_FILES - 16 < names <= FOLDER_FILES + 1 and said == errno.ENOSPC


def test_a_submission_has_no_network_no_powers_and_is_the_first_of_its_processes(box):
    code = """
import ctypes, os, socket
try:
    socket.create_connection(("127.0.0.1", 22), timeout=1)
    network = "connected"
except OSError as error:
    network = "none"
libc = ctypes.CDLL(None, use_errno=True)
def refused(name, *arguments):
    return getattr(libc, name)(*arguments) == -1
class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]
held = (ctypes.c_uint32 * 6)(*[1] * 6)
libc.capget(ctypes.byref(Header(0x20080522, 0)), held)
names = [name for _, name in socket.if_nameindex()]
found = [
    network, names, os.getpid(), os.getsid(0), list(held), libc.prctl(3, 0, 0, 0, 0),
    [refused("unshare", 0x10000000), refused("mount", b"x", b"/tmp", b"tmpfs", 0, None), refused("memfd_create", b"x", 0)],
]
"""
    network, names, pid, session, held, _, refused = found_in(box, code)
    assert network == "none" and names in (["lo"], [])
    assert (pid, session) == (1, 1) and held == [0] * 6 and refused == [True] * 3


def test_two_submissions_share_nothing(box):
    with box.worker() as one, box.worker() as other:
        answer_of(one, "open('left_here', 'w').close()\nimport torch\ntorch.marked = True\nfound = 1")
        assert answer_of(other, "import os, torch\nfound = [os.listdir('.'), hasattr(torch, 'marked')]") == [[], False]


@pytest.mark.slow  # without processes: test_host.py
def test_a_zygote_that_died_is_replaced(box):
    box._zygote._process.kill()
    box._zygote._process.wait()
    assert found_in(box, "found = 3") == 3


ENDLESS = """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""
"""A cell that does not let itself be interrupted."""


def ends(box, code, limits=None):
    """Why a submission was ended."""
    with box.worker(limits) as worker, pytest.raises(WorkerDied) as error:
        worker.load([Code(code)])
    return str(error.value)


def test_a_submission_that_ends_or_does_not_answer_is_given_up(box):
    assert ends(box, "import os; os._exit(0)") == "it ended the process"
    assert ends(box, ENDLESS, Limits(load=0.2, least=0.2, grace=0.2)) == "it took too long"
    assert ends(box, ENDLESS, Limits(total=0.5)) == "all of it together took longer than 0.5 seconds"


def test_a_cell_that_can_be_interrupted_costs_nothing_but_itself(box):
    with box.worker(Limits(cell=0.2, least=0.2)) as worker:
        long, after = worker.load([Code("x = 1\nwhile True:\n    x += 1"), Code("y = 2")], ["y"])
        assert (long.error, after.error, after.defines) == ("TookTooLong", None, ("y",))


PROCESSES_AT_ONCE = """
import os
for _ in range({}):
    if os.fork() == 0:
        os.read(os.pipe()[0], 1)
import select
select.select([], [], [], {})
found = 1
"""


def test_eight_processes_are_left_alone_and_nine_end_the_submission(box):
    assert found_in(box, PROCESSES_AT_ONCE.format(PROCESSES - 1, 0.3)) == 1
    assert ends(box, PROCESSES_AT_ONCE.format(PROCESSES, 20)) == "it started too many processes"


THREADS_AT_ONCE = """
import threading
stop = threading.Event()
threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range({})]
for thread in threads:
    thread.start()
stop.wait({})
found = len(threads)
"""


def test_a_hundred_threads_are_left_alone(box):
    assert found_in(box, THREADS_AT_ONCE.format(THREADS - 10, 0.3)) == THREADS - 10


@pytest.mark.skipif(os.geteuid() != 0, reason="the kernel itself refuses an ordinary user's next thread")
def test_threads_are_counted_over_all_processes(box):
    split = f"import os\nif os.fork() == 0:\n    pass\n{THREADS_AT_ONCE.format(THREADS - 60, 20)}"
    assert ends(box, split) == "it started too many threads"


def test_memory_is_limited_for_each_process_and_for_all_together(box):
    one = f"import mmap\nmmap.mmap(-1, {MEMORY - (64 << 20)}).close()\ntry:\n    mmap.mmap(-1, {MEMORY + (64 << 20)})\n"
    assert found_in(box, one + "except OSError:\n    found = 'refused'") == "refused"
    half = MEMORY // 2 + (32 << 20)
    taken = f"mmap.mmap(-1, {half}, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)"
    both = f"import mmap, os\nos.fork()\nkept = {taken}\nos.read(os.pipe()[0], 1)"
    assert ends(box, both) == "it used too much memory"


def test_a_file_holds_sixteen_megabytes(box):
    code = """
import os, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
found = [0, 0]
with open("large", "wb") as file:
    try:
        while True:
            found[0] += os.write(file.fileno(), bytes(1 << 20))
    except OSError as error:
        found[1] = error.errno
"""
    import errno

    assert found_in(box, code) == [16 << 20, errno.EFBIG]


def test_what_a_submission_started_ends_with_it(box):
    with box.worker() as worker:
        worker.load([Code("import os\nif os.fork() == 0:\n    os.setpgid(0, 0)\n    os.read(os.pipe()[0], 1)")])
        keepers = psutil.Process(box._zygote._process.pid).children(recursive=True)
        assert len(keepers) >= 3
    gone, alive = psutil.wait_procs(keepers[2:], timeout=60)
    assert alive == [] and gone


@linux
def test_the_zygote_cannot_be_looked_into_and_forks_until_its_socket_closes(monkeypatch):
    calls, forked = [], []
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    monkeypatch.setattr(zygote.sys, "argv", ["zygote", str(theirs.detach())])
    monkeypatch.setattr(zygote.worker, "preload", lambda: calls.append("preload"))
    monkeypatch.setattr(zygote.gc, "freeze", lambda: calls.append("freeze"))
    monkeypatch.setattr(zygote.gc, "collect", lambda: calls.append("collect"))
    monkeypatch.setattr(zygote.signal, "signal", lambda *arguments: calls.append(arguments))
    monkeypatch.setattr(zygote, "_libc", types.SimpleNamespace(prctl=lambda *arguments: calls.append(arguments)))
    monkeypatch.setattr(zygote, "_fork_keeper", lambda descriptors, control: forked.append(descriptors))
    pipe = os.pipe()
    host.socket.send_fds(ours, [b"fork"], [*pipe, pipe[0]])
    ours.shutdown(socket.SHUT_WR)
    zygote.main()
    assert ours.recv(16) == b"ready" and len(forked) == 1 and len(forked[0]) == 3
    for descriptor in forked[0]:
        with pytest.raises(OSError):
            os.fstat(descriptor)  # only the keeper has them
    assert calls[:3] == ["preload", "collect", "freeze"] and (4, 0, 0, 0, 0) in calls  # PR_SET_DUMPABLE
    assert (zygote.signal.SIGCHLD, zygote.signal.SIG_IGN) in calls
