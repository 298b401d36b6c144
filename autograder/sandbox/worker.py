"""The untrusted side: runs a learner's cells in IPython, then answers probes with raw data. It holds no expected value.

Speaks one JSON object per line, ``{kind: about}``, and answers each with one. Kinds:

``begin``
    ``{"targets": [name, ...], "files": {name: base64}}``: a new notebook, whose definitions of the targets are remembered, beside
    some files.
``run``
    ``{"source": ..., "seconds": ...}``: one cell, interrupted after that time. Answers ``{"error": None or {"name", "message",
    "line"}, "defines": [target, ...]}``.
``use``
    ``{"target": ..., "definition": n}``: the n-th definition of a target, counted from 0, is in force from now on.
``enter``, ``leave``
    ``{"assignment", "question"}`` and ``{}``, around the probes of a question. Where it rules functions out, a process of its own
    answers in between, in which they are gone for good, so that nothing that could be found puts them back.
``ask``
    ``{"assignment", "question", "probe", "given"}``: one probe. Before it answers, it may send ``{"tell": message}`` any number
    of times, and is sent ``{"reply": data}`` or ``{"gone": why}`` each time.
``draw``, ``meet``, ``tell``, ``settle``
    Only ever to a worker that was given no learner's code: what a probe is given; the partner of a probe; a message to it; an
    answer to be settled by it.
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import contextlib
import json
import os
import signal
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from autograder.sandbox import seccomp
from autograder.sandbox.limits import MEMORY, RESOURCES

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

LEFT = 42
"""Exit status of a process that was made for one question and is done with it."""


def shell() -> InteractiveShell:
    """IPython, as in a notebook but for what cannot work here: shell commands say so and do nothing, nothing can be typed, there
    is no window and no kernel to end, and no history is kept."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    class Shell(InteractiveShell):
        def system(self, cmd: str) -> None:
            print("Shell commands do not run here.")
            self.user_ns["_exit_code"] = 1

        system_piped = system_raw = system

        def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
            self.system(cmd)
            return []

        def enable_gui(self, gui: Any = None) -> None:
            """``%matplotlib`` asks for it."""

        def ask_exit(self) -> None:
            """``exit`` and ``quit`` ask for it."""

        def showtraceback(self, *args: Any, **kwargs: Any) -> None:
            """Nobody reads it: the error is told by ``run``."""

        showsyntaxerror = showtraceback

    found = Shell._instance or Shell.instance(config=Config(HistoryManager={"enabled": False}))
    assert isinstance(found, InteractiveShell)
    return found


def _nothing_typed(prompt: object = "") -> str:
    raise EOFError("nothing can be typed here: input() has nobody to ask")


class Notebook:
    """One notebook in IPython.

    Args:
        targets: names whose definitions are remembered, so that a later one does not hide an earlier one.
        files: what lies beside the notebook, name -> content.
    """

    def __init__(self, targets: Sequence[str], files: dict[str, bytes]):
        self.shell = shell()
        self.shell.init_create_namespaces(types.ModuleType("__main__"))
        self.shell.init_sys_modules()
        self.shell.init_user_ns()
        self.shell.compile.reset_compiler_flags()  # ``from __future__`` holds for one notebook
        self.namespace: dict[str, Any] = self.shell.user_ns
        self.definitions: dict[str, list[Any]] = {name: [] for name in targets}
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        builtins.input = _nothing_typed
        if "" not in sys.path:  # a notebook finds modules beside it
            sys.path.insert(0, "")
        for name, content in files.items():
            path = Path(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def run(self, source: str, seconds: float) -> dict[str, Any]:
        """Runs one cell, as ipykernel does: inside a running event loop, whatever it awaits or not."""

        async def cell() -> Any:
            transformed, failure = source, None
            try:
                transformed = self.shell.transform_cell(source)
            except Exception:
                failure = sys.exc_info()
            return await self.shell.run_cell_async(
                source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=failure
            )

        error: BaseException | None
        try:
            with interrupted_after(seconds):
                result = self._loop.run_until_complete(cell())
            error = result.error_before_exec or result.error_in_exec
        except BaseException as raised:  # the interruption may come while the cell waits for something
            error = raised
            for task in asyncio.all_tasks(self._loop):
                task.cancel()
        defines = []
        for name, known in self.definitions.items():
            found = self.namespace.get(name)
            if name in self.namespace and not any(found is before for before in known[-1:]):
                known.append(found)
                defines.append(name)
        return {"error": None if error is None else self._told(error), "defines": defines}

    def _told(self, error: BaseException) -> dict[str, Any]:
        line = error.lineno if isinstance(error, SyntaxError) else None
        at = error.__traceback__
        while at is not None:
            if at.tb_frame.f_globals is self.namespace:
                line = line or at.tb_lineno
            at = at.tb_next
        message = error.msg if isinstance(error, SyntaxError) else error  # without the name that IPython gave the cell
        return {
            "name": type(error).__name__[:100],
            "message": str(message)[:300],
            "line": line if isinstance(line, int) else None,
        }

    def close(self) -> None:
        """Gives back what the notebook holds of the system's."""
        self._loop.close()

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """As while a cell runs: functions find ``display`` and ``get_ipython``."""
        with self.shell.builtin_trap, self.shell.display_trap:
            yield


class TookTooLong(KeyboardInterrupt):
    """A cell ran longer than it may."""


@contextlib.contextmanager
def interrupted_after(seconds: float) -> Iterator[None]:
    """Raises ``TookTooLong`` in what runs longer, and again every second; where the system has no such alarm, nothing happens."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def interrupt(number: int, frame: object) -> None:
        raise TookTooLong(f"it was stopped after {seconds:.0f} seconds")

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def serve(incoming: TextIO, outgoing: TextIO) -> None:
    """Answers requests until there are no more. What the learner prints goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    answering = _Answering(incoming, outgoing)
    while line := incoming.readline():
        ((kind, about),) = json.loads(line).items()
        answering.answer(kind, about)


class _Answering:
    def __init__(self, incoming: TextIO, outgoing: TextIO):
        self._incoming, self._outgoing = incoming, outgoing
        self._notebook: Notebook | None = None
        self._partner: Any = None
        self._apart = False  # whether this process was made for one question

    def answer(self, kind: str, about: dict[str, Any]) -> None:
        do: Callable[..., Any] = getattr(self, f"_{kind}")
        answer = do(**about)
        if answer is not None:
            self._write(answer)

    def _write(self, message: dict[str, Any]) -> None:
        self._outgoing.write(json.dumps(message) + "\n")
        self._outgoing.flush()

    # what a learner's code is run for

    def _begin(self, targets: list[str], files: dict[str, str]) -> dict[str, Any]:
        if self._notebook is not None:
            self._notebook.close()
        self._notebook = Notebook(targets, {name: base64.b64decode(content) for name, content in files.items()})
        return {}

    def _run(self, source: str, seconds: float) -> dict[str, Any]:
        assert self._notebook is not None
        return self._notebook.run(source, seconds)

    def _use(self, target: str, definition: int) -> dict[str, Any]:
        assert self._notebook is not None
        self._notebook.namespace[target] = self._notebook.definitions[target][definition]
        return {}

    def _enter(self, assignment: str, question: str) -> dict[str, Any] | None:
        from stabilitylab import exercises
        from stabilitylab.exercises import ruled_out

        names = exercises.questions(assignment)[question].ruled_out
        if not names or sys.platform != "linux":
            return {}
        child = os.fork()
        if child == 0:
            self._apart = True
            ruled_out.take(names)
            return {}
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != LEFT:
            os._exit(0)  # it was to be the end of the whole process
        return None  # the other process has answered

    def _leave(self) -> dict[str, Any]:
        if self._apart:
            self._write({})
            os._exit(LEFT)
        return {}

    def _ask(self, assignment: str, question: str, probe: str, given: dict[str, Any]) -> dict[str, Any]:
        from stabilitylab import exercises

        assert self._notebook is not None
        asked = exercises.questions(assignment)[question]
        looked_at = next(known for known in asked.probes if known.name == probe)
        if asked.target not in self._notebook.namespace:
            return {"error": exercises.UNDEFINED}
        learner = self._notebook.namespace[asked.target]

        with self._notebook.active():
            return exercises.ask(asked, looked_at, learner, given, self._tell_partner if looked_at.partner else None)

    def _tell_partner(self, message: Any) -> Any:
        from stabilitylab.exercises.values import decode, encode

        self._write({"tell": encode(message)})
        answer = json.loads(self._incoming.readline())
        if "gone" in answer:
            raise ValueError(answer["gone"])
        return decode(answer["reply"])

    # what only a worker without a learner's code is asked

    def _draw(self, assignment: str, question: str, probe: str, seed: int) -> dict[str, Any]:
        from stabilitylab import exercises

        return exercises.given(self._probe(assignment, question, probe), seed)

    def _meet(self, assignment: str, question: str, probe: str, seed: int) -> dict[str, Any]:
        from stabilitylab import exercises

        self._partner = exercises.meet(self._probe(assignment, question, probe), seed)
        return {}

    def _tell(self, message: Any) -> dict[str, Any]:
        from stabilitylab.exercises.values import decode, encode

        try:
            return {"reply": encode(self._partner.reply(decode(message)))}
        except Exception as error:  # the message may be anything
            return {"gone": str(error)[:1000]}

    def _settle(self, answer: dict[str, Any]) -> dict[str, Any]:
        from stabilitylab import exercises

        return dict(exercises.settle(self._partner, answer))

    @staticmethod
    def _probe(assignment: str, question: str, name: str) -> Any:
        from stabilitylab import exercises

        return next(probe for probe in exercises.questions(assignment)[question].probes if probe.name == name)


def limit() -> None:
    """Sets hard limits on this process and what it starts: memory, CPU time, size and number of files, processes."""
    if sys.platform == "win32":
        return
    import resource

    limits = dict(RESOURCES)
    if sys.platform == "linux":
        with open("/proc/self/statm") as file:
            limits["AS"] = int(file.read().split()[0]) * resource.getpagesize() + MEMORY
    for name, value in limits.items():
        hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))


def preload() -> None:
    """Imports what submissions need, before limits count memory and before a zygote forks."""
    import torch

    import stabilitylab.exercises
    import stabilitylab.figures.plots  # noqa: F401
    from stabilitylab.training.config import RunConfig
    from stabilitylab.training.loop import Trainer

    torch.set_num_threads(1)
    Trainer(RunConfig())  # the first one loads the corpus, and half of PyTorch
    shell()


def main() -> None:
    """A worker in a process of its own, on standard input and output."""
    with os.fdopen(os.dup(0), "r") as incoming, os.fdopen(os.dup(1), "w") as outgoing:
        preload()
        limit()
        seccomp.deny()
        serve(incoming, outgoing)


if __name__ == "__main__":
    main()
