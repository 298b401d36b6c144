"""The untrusted side: runs a learner's cells, then answers probes with raw data. It holds no expected value.

Speaks one JSON object per line on what were its standard input and output; the learner's own prints and warnings go nowhere.
Requests: ``{"load": {"cells": [source, ...]}}``, ``{"ask": {"assignment": ..., "question": ..., "probe": ..., "seed": ...}}``, and, only ever to a
worker that was given no learner's code, ``{"settle": {the same, "answer": what ask returned}}``.
"""

from __future__ import annotations

import json
import os
from typing import Any


class _NoShell:
    """Stands in for IPython's shell: magics do nothing."""

    def __getattr__(self, name: str):
        return lambda *args, **kwargs: None


def run_cells(cells: list[str]) -> tuple[dict[str, Any], dict[int, str]]:
    """Runs cells in one namespace, each on its own: (namespace, cell number -> name of the exception it raised)."""
    from IPython.core.inputtransformer2 import TransformerManager

    transform = TransformerManager().transform_cell
    namespace: dict[str, Any] = {"__name__": "__main__", "get_ipython": _NoShell, "display": lambda *args, **kwargs: None}
    errors = {}
    for number, source in enumerate(cells):
        try:
            exec(compile(transform(source), f"cell {number}", "exec"), namespace)
        except BaseException as error:  # SystemExit too: one bad cell must not cost the others
            errors[number] = type(error).__name__
    return namespace, errors


def main() -> None:
    incoming, outgoing = os.fdopen(os.dup(0), "r"), os.fdopen(os.dup(1), "w")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)

    from stabilitylab import exercises

    namespace: dict[str, Any] = {}

    def respond(request: dict[str, Any]) -> dict[str, Any]:
        nonlocal namespace
        ((kind, about),) = request.items()
        if kind == "load":
            namespace, errors = run_cells(about["cells"])
            return {"errors": errors}
        question = exercises.questions(about["assignment"])[about["question"]]
        probe = next(probe for probe in question.probes if probe.name == about["probe"])
        if kind == "settle":
            return dict(exercises.settle(probe, about["answer"], about["seed"]))
        if question.target not in namespace:
            return {"error": "NameError"}
        return exercises.ask(question, probe, namespace[question.target], about["seed"])

    for line in incoming:
        outgoing.write(json.dumps(respond(json.loads(line))) + "\n")
        outgoing.flush()


if __name__ == "__main__":
    main()
