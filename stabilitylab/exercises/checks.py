"""The checks a notebook shows: the probes of one question, on a public seed, against recorded answers."""

from __future__ import annotations

import contextlib
import json
import linecache
import sys
from typing import Any

from stabilitylab import workspace
from stabilitylab.exercises.marking import mark
from stabilitylab.exercises.probes import asks_for, in_one_process, is_answer, questions

PUBLIC_SEED = 0
"""The seed of the checks a notebook shows; the grader draws its own."""

VERSION = 1
"""Of the file that remembers which visible checks passed."""

CHECKS = workspace.DATA / "checks"


class CheckFailed(AssertionError):
    """A visible check did not pass; shown as its sentences, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


def check(question: str, learner: Any) -> None:
    """Runs the visible checks of a question in a notebook and prints how they went, and what comes next.

    Args:
        question: ``"assignment/grade_id"``, such as ``"a1_clipping/clip_grad_norm"``.
        learner: your function, or your answer to a quiz question.

    Raises:
        CheckFailed: if a check does not pass, with at most three sentences.
        ValueError: if there is no such question.
    """
    assignment, _, grade_id = question.partition("/")
    asked = questions(assignment)
    if grade_id not in asked:
        raise ValueError(f"question is {question!r}; {assignment} asks {', '.join(asked)}")
    if asked[grade_id].options:
        if not is_answer(asked[grade_id], learner):
            raise CheckFailed(f"{asked[grade_id].target} is {learner!r}. {asks_for(asked[grade_id])}")
        print(f"Answer {learner!r} is noted. It is marked when your work is graded. {_next(assignment, grade_id)}")
        return
    path = CHECKS / f"{assignment}.json"
    if not path.exists():  # as in the grader's sandbox, where the answers are not there to be read
        print("The checks are not run here.")
        return
    expected = json.loads(path.read_text())[grade_id]
    answers = {probe.name: in_one_process(asked[grade_id], probe, learner, PUBLIC_SEED) for probe in asked[grade_id].probes}
    share, sentences = mark(asked[grade_id], answers, expected, quote=True)
    of = len(asked[grade_id].probes)
    summary = f"{asked[grade_id].target}: {round(share * of)} of {of} checks pass."
    with contextlib.suppress(OSError):  # where there is no folder to write to, nothing is kept
        workspace.save("checks", VERSION, workspace.load("checks", VERSION) | {question: not sentences})
    if sentences:
        raise CheckFailed("\n".join([summary, *(f"- {sentence}" for sentence in sentences)]))
    print(f"{summary} {_next(assignment, grade_id)}")


def _next(assignment: str, grade_id: str) -> str:
    """The next step after a question."""
    order = list(questions(assignment))
    following = order[order.index(grade_id) + 1 :]
    if not following:
        return "That was the last one with a check: write what is asked in your own words, save, and hand in."
    target = questions(assignment)[following[0]].target
    return f"Next: {target}." if target != questions(assignment)[grade_id].target else f"Next: {following[0]}, of {target} too."


def explain_undefined(shell: Any) -> None:
    """Makes IPython say in a sentence that a check was run before its function was defined, in the place of a traceback.

    Args:
        shell: IPython's, as ``get_ipython()`` returns it.
    """

    def show(shell: Any, kind: type, error: BaseException, traceback: Any, tb_offset: int | None = None) -> list[str] | None:
        innermost = traceback
        while innermost.tb_next is not None:
            innermost = innermost.tb_next
        name = getattr(error, "name", None)
        frame = innermost.tb_frame
        if frame.f_globals is not shell.user_global_ns or not name or not _checks_first(shell, innermost, name):
            shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
            return None
        said = [f"{name} is not defined yet: run the cell above that defines it, then this check again."]
        shell._showtraceback(kind, error, said)
        return said

    shell.set_custom_exc((NameError,), show)


def _checks_first(shell: Any, at: Any, name: str) -> bool:
    """Whether the line that raised is a check of that very name."""
    line = linecache.getline(at.tb_frame.f_code.co_filename, at.tb_lineno).strip()
    return line.startswith("check(") and line.rstrip(" )").endswith(name)


def passed() -> dict[str, bool]:
    """Question, as assignment/grade_id -> whether its visible checks all passed when they were last run."""
    return workspace.load("checks", VERSION)


def checked() -> dict[str, list[str]]:
    """Assignment -> its questions that have visible checks."""
    return {path.stem: list(json.loads(path.read_text())) for path in sorted(CHECKS.glob("*.json"))}


if "IPython" in sys.modules and (_shell := sys.modules["IPython"].get_ipython()) is not None:
    explain_undefined(_shell)
