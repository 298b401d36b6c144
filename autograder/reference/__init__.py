"""The right answers, one module per assignment: functions that answer the probes, and the keys of quiz questions.

Nothing here is released, and nothing here is ever in a process that runs a learner's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QuizKey:
    """The right choice of a quiz question, and one sentence for each wrong one."""

    right: str
    wrong: Mapping[str, str]
