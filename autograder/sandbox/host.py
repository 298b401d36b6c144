"""The trusted side: starts workers in isolation, and talks to them with deadlines. See the package for how it all fits."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, Protocol

import autograder
from autograder.sandbox.limits import FOLDER_BYTES, HOME, LARGEST_ANSWER, PATIENT, STANDARD, START_SECONDS, Limits
from stabilitylab import workspace
from stabilitylab.exercises import MALFORMED

OPEN_WARNING = (
    "Submissions run WITHOUT a sandbox: this machine's files and network are open to them ({reason}). Their marks can be "
    "trusted all the same. On Linux, install bubblewrap (apt install bubblewrap); elsewhere grade in a container or a virtual "
    "machine."
)


LEFT_OUT = "LeftOut"
"""In the place of an exception's name: the cell was not run."""


class WorkerDied(Exception):
    """The worker ended, ran out of time or broke the protocol; the message says which, in words for a learner.

    Attributes:
        cell: the position of the cell it died of, None if it was none.
    """

    cell: int | None = None


@dataclass(frozen=True)
class Code:
    """A cell to run.

    Attributes:
        source: as it stands in the notebook, magics included.
        needed: whether it may define what is asked for; the others are left out when time runs short.
        position: of the cell in the notebook that was handed in, from 1; None if it comes from elsewhere.
    """

    source: str
    needed: bool = True
    position: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What came of running one cell.

    Attributes:
        error: the exception's name, None if none was raised.
        message: its text; it may be anything.
        line: where in the cell, None if that is not known.
        defines: the targets that it defined anew.
    """

    error: str | None = None
    message: str = ""
    line: int | None = None
    defines: tuple[str, ...] = ()


class _Process(Protocol):
    """A worker's process, however it was started."""

    requests: IO[bytes]
    answers: IO[bytes]

    def end(self) -> str:
        """Kills it and all below it, returns when they are gone, and says why it had ended, if it had."""


class Worker:
    """One submission's process. Use it as a context manager: leaving it ends the process and all it started."""

    def __init__(self, process: _Process, limits: Limits):
        self._process, self.limits = process, limits
        self._buffer = b""
        self._received = 0
        self._end = time.monotonic() + limits.total

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def load(self, cells: Sequence[Code], targets: Sequence[str] = (), files: Mapping[str, bytes] | None = None) -> list[Outcome]:
        """Runs cells in a new notebook; one that raises, or takes too long, does not keep the others from running.

        Args:
            cells: in order.
            targets: names whose definitions are remembered, for ``use``.
            files: what lies beside the notebook.

        Returns:
            One outcome a cell.

        Raises:
            WorkerDied: if the process ended, or did not let itself be interrupted; ``cell`` says in which cell.
        """
        packed = {name: base64.b64encode(content).decode() for name, content in (files or {}).items()}
        self._exchange({"begin": {"targets": list(targets), "files": packed}}, START_SECONDS)
        end = time.monotonic() + self.limits.load
        outcomes = []
        for number, cell in enumerate(cells):
            left = end - time.monotonic()
            if left < -self.limits.load / 2 and not cell.needed:
                outcomes.append(Outcome(LEFT_OUT, "the cells before it took all the time there is"))
                continue
            seconds = min(self.limits.cell, max(left, self.limits.least))
            try:
                answer = self._exchange({"run": {"source": cell.source, "seconds": seconds}}, seconds + self.limits.grace)
                outcomes.append(_outcome(answer, targets))
            except WorkerDied as error:
                error.cell = number
                raise
        return outcomes

    def use(self, target: str, definition: int) -> None:
        """Puts one of a target's definitions in force, counted from 0.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        self._exchange({"use": {"target": target, "definition": definition}}, self.limits.ask)

    @contextlib.contextmanager
    def question(self, assignment: str, question: str) -> Iterator[None]:
        """Around the probes of a question, for code that is not ours: what the question rules out is gone from the process.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        self._exchange({"enter": {"assignment": assignment, "question": question}}, self.limits.ask)
        yield
        self._exchange({"leave": {}}, self.limits.ask)

    def ask(
        self, assignment: str, question: str, probe: str, given: Mapping[str, Any], tell: Callable[[Any], dict[str, Any]]
    ) -> dict[str, Any]:
        """Runs one probe; see ``stabilitylab.exercises.ask`` for what goes in and comes back.

        Args:
            assignment: the probe's.
            question: the probe's.
            probe: its name.
            given: what ``draw`` returned.
            tell: hands a message to the probe's partner; returns ``{"reply": data}``, or ``{"gone": why}`` if it made no sense.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        deadline = time.monotonic() + self.limits.ask
        request: dict[str, Any] = {"ask": {"assignment": assignment, "question": question, "probe": probe, "given": given}}
        while True:
            answer = self._exchange(request, deadline - time.monotonic())
            if "tell" not in answer:
                return _plain(answer)
            request = tell(answer["tell"])
            if "gone" in request:
                self._exchange(request, deadline - time.monotonic())
                return {"error": MALFORMED, "message": request["gone"]}

    def draw(self, assignment: str, question: str, probe: str, seed: int) -> dict[str, Any]:
        """What a probe is given; see ``stabilitylab.exercises.given``. Only for a worker that was given no learner's code."""
        about = {"assignment": assignment, "question": question, "probe": probe, "seed": seed}
        return self._exchange({"draw": about}, self.limits.ask)

    def meet(self, assignment: str, question: str, probe: str, seed: int) -> None:
        """Calls a probe's partner, for ``tell`` and ``settle``. Only for a worker that was given no learner's code."""
        about = {"assignment": assignment, "question": question, "probe": probe, "seed": seed}
        self._exchange({"meet": about}, self.limits.ask)

    def tell(self, message: Any) -> dict[str, Any]:
        """What the partner replies: ``{"reply": data}`` or ``{"gone": why}``.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        return self._exchange({"tell": {"message": message}}, self.limits.ask)

    def settle(self, answer: Mapping[str, Any]) -> dict[str, Any]:
        """Turns an answer into what is compared; see ``stabilitylab.exercises.settle``.

        Raises:
            WorkerDied: if the process ended or ran out of time.
        """
        return _plain(self._exchange({"settle": {"answer": answer}}, self.limits.ask))

    def close(self) -> str:
        """Ends the process and everything it started; says why it had ended before, if it had."""
        return self._process.end()

    def _exchange(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        deadline = min(time.monotonic() + seconds, self._end)
        self._send((json.dumps(request) + "\n").encode(), deadline)
        line = self._receive(deadline)
        try:
            answer = json.loads(line)
        except (ValueError, RecursionError):
            raise WorkerDied("it did not return an answer") from None
        if not isinstance(answer, dict):
            raise WorkerDied("it did not return an answer")
        return answer

    def _send(self, data: bytes, deadline: float) -> None:
        """Writes without trusting that anybody reads."""
        descriptor = self._process.requests.fileno()
        os.set_blocking(descriptor, False)
        while data:
            self._wait(write=descriptor, deadline=deadline)
            try:
                data = data[os.write(descriptor, data) :]
            except BlockingIOError:
                continue
            except OSError:
                raise WorkerDied(self.close()) from None

    def _receive(self, deadline: float) -> bytes:
        descriptor = self._process.answers.fileno()
        while b"\n" not in self._buffer:
            self._wait(read=descriptor, deadline=deadline)
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                raise WorkerDied(self.close())
            self._buffer += chunk
            self._received += len(chunk)
            if len(self._buffer) > LARGEST_ANSWER or self._received > self.limits.answers:
                raise WorkerDied("its answer is too large")
        line, self._buffer = self._buffer.split(b"\n", 1)
        return line

    def _wait(self, *, deadline: float, read: int | None = None, write: int | None = None) -> None:
        reads = [] if read is None else [read]
        writes = [] if write is None else [write]
        if not any(select.select(reads, writes, [], max(0.0, deadline - time.monotonic()))):
            total = f"all of it together took longer than {self.limits.total:g} seconds"
            raise WorkerDied(total if deadline == self._end else "it took too long")


def _plain(answer: Mapping[str, Any]) -> dict[str, Any]:
    """One of the two forms that ``exercises.ask`` returns, and nothing that anybody else wrote into it."""
    if "value" in answer:
        return {"value": answer["value"]}
    error, message = answer.get("error"), answer.get("message", "")
    if not isinstance(error, str) or not isinstance(message, str):
        raise WorkerDied("it did not return an answer")
    return {"error": error[:100], "message": message[:1000]}


def _outcome(answer: Mapping[str, Any], targets: Sequence[str]) -> Outcome:
    """What a learner's process says of a cell: it decides no mark, and may be anything."""
    defines = answer.get("defines")
    known = tuple(name for name in targets if isinstance(defines, list) and name in defines)
    match answer.get("error"):
        case {"name": str(name), "message": str(message), "line": int() | None as line}:
            return Outcome(name[:100], message[:300], line, known)
        case None:
            return Outcome(defines=known)
    raise WorkerDied("it did not return an answer")


class Sandbox:
    """Starts workers, confined as well as this machine allows. Use it as a context manager.

    Kinds of confinement, the first that works is taken:

    ``"forked"``
        bubblewrap around a process that has PyTorch loaded and forks for every submission.
    ``"single"``
        bubblewrap around every submission: as safe, and about two seconds slower for each. For machines that allow no nested
        namespaces.
    ``"open"``
        A plain process. Marks are as trustworthy, but files and network are open: ``warning`` says so.

    Args:
        limits: deadlines, default the standard ones of a graded submission.
        kinds: what to try, in order.

    Attributes:
        kind: what is in use.
        warning: a sentence for whoever grades, empty if submissions are confined.

    Raises:
        RuntimeError: if no kind works.
    """

    KINDS = ("forked", "single", "open")

    def __init__(self, limits: Limits = STANDARD, kinds: Sequence[str] = KINDS):
        self.limits = limits
        self._lock = threading.Lock()
        self._zygote: _Zygote | None = None
        failures = []
        for kind in kinds:
            self.kind = kind
            try:
                with self.worker(PATIENT) as worker:
                    worker.load([])
            except (OSError, WorkerDied) as error:
                failures.append(f"{kind}: {error}")
                self.close()
            else:
                break
        else:
            raise RuntimeError(f"no worker could be started: {'; '.join(failures)}")
        self.warning = OPEN_WARNING.format(reason="; ".join(failures) or "asked for") if self.kind == "open" else ""

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def worker(self, limits: Limits | None = None) -> Worker:
        """A new process that nothing ran in yet. Close it, or use it as a context manager.

        Args:
            limits: deadlines, default the sandbox's.

        Raises:
            OSError: if it cannot be started.
        """
        if self.kind == "forked":
            with self._lock:
                if self._zygote is None or not self._zygote.alive:
                    self._zygote = _Zygote()
                return Worker(self._zygote.fork(), limits or self.limits)
        return Worker(_Spawned(confined=self.kind == "single"), limits or self.limits)

    def close(self) -> None:
        """Ends every process that is left."""
        if self._zygote is not None:
            self._zygote.close()
            self._zygote = None


class _Zygote:
    """The process inside bubblewrap that forks workers."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._control = ours
        self._process = subprocess.Popen(
            [*_confined("autograder.sandbox.zygote"), str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        theirs.close()
        ours.settimeout(START_SECONDS)
        try:
            ready = ours.recv(16)
        except TimeoutError:
            ready = b""
        if ready != b"ready":
            self.close()
            assert self._process.stderr
            said = self._process.stderr.read().decode(errors="replace").strip()
            raise OSError(said.splitlines()[-1] if said else "bubblewrap did not start")

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self) -> _Forked:
        request_in, request_out = os.pipe()
        answer_in, answer_out = os.pipe()
        lifeline, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            socket.send_fds(self._control, [b"fork"], [request_in, answer_out, theirs.fileno()])
        finally:
            os.close(request_in)
            os.close(answer_out)
            theirs.close()
        return _Forked(os.fdopen(request_out, "wb", 0), os.fdopen(answer_in, "rb", 0), lifeline)

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait()


class _Forked:
    def __init__(self, requests: IO[bytes], answers: IO[bytes], lifeline: socket.socket):
        self.requests, self.answers, self._lifeline = requests, answers, lifeline
        self._reason = ""

    def end(self) -> str:
        if self._lifeline.fileno() != -1:
            with contextlib.suppress(OSError):  # it may be gone, and then there is nothing to shut
                self._lifeline.shutdown(socket.SHUT_WR)
            self._lifeline.settimeout(START_SECONDS)
            with contextlib.suppress(OSError):
                self._reason = self._lifeline.recv(100).decode()  # the keeper speaks when all is dead
            for pipe in (self.requests, self.answers, self._lifeline):
                with contextlib.suppress(OSError):
                    pipe.close()
        return self._reason or "it ended the process"


class _Spawned:
    def __init__(self, confined: bool):
        self._folder = tempfile.TemporaryDirectory(prefix="submission-", ignore_cleanup_errors=True)
        command = _confined("autograder.sandbox.worker") if confined else _python("autograder.sandbox.worker")
        environment = {"PATH": os.environ.get("PATH", ""), "HOME": self._folder.name} | _ENVIRONMENT
        self._process = subprocess.Popen(
            command,
            cwd=self._folder.name,
            env=environment | {"STABILITYLAB_WORK": self._folder.name, "TMPDIR": self._folder.name},
            start_new_session=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
        )
        assert self._process.stdin and self._process.stdout
        self.requests: IO[bytes] = self._process.stdin
        self.answers: IO[bytes] = self._process.stdout

    def end(self) -> str:
        if self._process.returncode is not None:
            return "it ended the process"
        if sys.platform == "win32":
            self._process.kill()
        else:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for pipe in (self.requests, self.answers):
            with contextlib.suppress(OSError):
                pipe.close()
        self._folder.cleanup()
        return "it ended the process"


_ENVIRONMENT = {"OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}


def _python(module: str) -> list[str]:
    # -I: neither the environment nor files beside a notebook decide what is imported; -B: nothing is written beside the modules
    return [sys.executable, "-I", "-B", "-u", "-m", module]


def _confined(module: str) -> list[str]:
    """A command that runs one of our modules in bubblewrap: no network, a read-only system, and of the project only what a
    learner has.

    Raises:
        OSError: if bubblewrap is not installed.
    """
    bubblewrap = shutil.which("bwrap")
    if bubblewrap is None:
        raise OSError("bubblewrap is not installed")
    command = [bubblewrap, "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--clearenv"]
    command += ["--uid", "65534", "--gid", "65534", "--hostname", "sandbox"]
    inside = {"PATH": "/usr/bin:/bin", "HOME": HOME, "TMPDIR": HOME, "STABILITYLAB_WORK": HOME} | _ENVIRONMENT
    for name, value in inside.items():
        command += ["--setenv", name, value]
    command += ["--proc", "/proc", "--dev", "/dev"]
    for folder in ("/tmp", "/run/root", HOME):
        command += ["--size", str(FOLDER_BYTES), "--tmpfs", folder]
    for path in _needed():
        command += ["--ro-bind", str(path), str(path)]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", HOME]
    if module == "autograder.sandbox.zygote":  # its forks have private ones; this one they would share
        command += ["--remount-ro", "/tmp"]
    return command + _python(module)


@cache
def _needed() -> tuple[Path, ...]:
    """What Python, PyTorch and the course's package need: neither references, nor answers, nor anybody's files."""
    # what an isolated Python would search, not what this one was started with
    said = subprocess.run([sys.executable, "-I", "-c", "import sys; print(*sys.path, sep='\\n')"], capture_output=True, text=True)
    installed = (Path(path) for path in (sys.base_prefix, sys.prefix, *said.stdout.splitlines()))
    system = map(Path, ("/usr", "/lib", "/lib64", "/bin", "/etc/ld.so.cache"))
    needed: list[Path] = []
    for path in (*system, *installed):
        # the project itself may be on the path: it holds the answers
        if path.exists() and not workspace.ROOT.is_relative_to(path) and not any(path.is_relative_to(n) for n in needed):
            needed.append(path)
    of_ours = [workspace.ROOT / "stabilitylab", workspace.DATA / "runs", workspace.DATA / "corpus"]
    of_ours += [Path(autograder.__file__)]
    of_ours += [Path(__file__).with_name(name) for name in ("__init__.py", "limits.py", "seccomp.py", "worker.py", "zygote.py")]
    return (*needed, *of_ours)
