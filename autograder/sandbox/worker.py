"""The untrusted side: runs a learner's cells, then answers probes with raw data. It holds no expected value.

Speaks one JSON object per line. Requests: ``{"load": {"cells": [source, ...]}}``, ``{"ask": {"assignment": ..., "question": ...,
"probe": ..., "given": ...}}``, and, only ever to a worker that was given no learner's code, ``{"draw": {the same, but "seed":
...}}`` and ``{"settle": {the same, "seed": ..., "answer": what ask returned}}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, TextIO

from autograder.sandbox import seccomp
from autograder.sandbox.limits import MEMORY, RESOURCES


class _NoShell:
    """Stands in for IPython's shell: magics do nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def run_cells(cells: list[str]) -> dict[str, Any]:
    """Runs cells in one namespace and returns it; each runs on its own, so that one that raises does not keep the others from
    running."""
    from IPython.core.inputtransformer2 import TransformerManager

    transform = TransformerManager().transform_cell
    namespace: dict[str, Any] = {"__name__": "__main__", "get_ipython": _NoShell, "display": lambda *args, **kwargs: None}
    for number, source in enumerate(cells):
        with contextlib.suppress(BaseException):  # SystemExit too
            exec(compile(transform(source), f"cell {number}", "exec"), namespace)
    return namespace


def serve(incoming: TextIO, outgoing: TextIO) -> None:
    """Answers requests until there are no more. What the learner prints goes nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

    from stabilitylab import exercises

    namespace: dict[str, Any] = {}
    for line in incoming:
        ((kind, about),) = json.loads(line).items()
        if kind == "load":
            namespace = run_cells(about["cells"])
            answer: dict[str, Any] = {}
        else:
            question = exercises.questions(about["assignment"])[about["question"]]
            probe = next(probe for probe in question.probes if probe.name == about["probe"])
            if kind == "draw":
                answer = exercises.given(probe, about["seed"])
            elif kind == "settle":
                answer = dict(exercises.settle(probe, about["answer"], about["seed"]))
            elif question.target not in namespace:
                answer = {"error": "NameError"}
            else:
                answer = exercises.ask(question, probe, namespace[question.target], about["given"])
        outgoing.write(json.dumps(answer) + "\n")
        outgoing.flush()


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
    import IPython.core.inputtransformer2  # noqa: F401
    import torch

    import stabilitylab.figures.plots  # noqa: F401
    from stabilitylab.training.config import RunConfig
    from stabilitylab.training.loop import Trainer

    torch.set_num_threads(1)
    Trainer(RunConfig())  # the first one loads the corpus, and half of PyTorch


def main() -> None:
    """A worker in a process of its own, on standard input and output."""
    with os.fdopen(os.dup(0), "r") as incoming, os.fdopen(os.dup(1), "w") as outgoing:
        preload()
        limit()
        seccomp.deny()
        serve(incoming, outgoing)


if __name__ == "__main__":
    main()
