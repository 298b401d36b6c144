"""What the course asks of a learner's code, and the checks a notebook shows.

A *probe* (``probes``) calls the learner's function on data drawn from a seed and returns raw results; it holds no expected value
and says nothing about right or wrong. ``check`` (``checks``) runs the probes of one question in the notebook, on a public seed,
against recorded answers. The grader runs the same probes elsewhere, on a secret seed, and compares (``marking``) outside the
learner's process.

Every assignment is a module here that defines ``QUESTIONS``.
"""

from stabilitylab.exercises.checks import PUBLIC_SEED, CheckFailed, check, checked, passed
from stabilitylab.exercises.marking import agree, mark
from stabilitylab.exercises.probes import (
    MALFORMED,
    UNDEFINED,
    Partner,
    Probe,
    Question,
    Tell,
    ask,
    asks_for,
    given,
    in_one_process,
    is_answer,
    meet,
    questions,
    quiz,
    settle,
)
from stabilitylab.exercises.ruled_out import RuledOut

__all__ = [
    "MALFORMED",
    "PUBLIC_SEED",
    "UNDEFINED",
    "CheckFailed",
    "Partner",
    "Probe",
    "Question",
    "RuledOut",
    "Tell",
    "agree",
    "ask",
    "asks_for",
    "check",
    "checked",
    "given",
    "in_one_process",
    "is_answer",
    "mark",
    "meet",
    "passed",
    "questions",
    "quiz",
    "settle",
]
