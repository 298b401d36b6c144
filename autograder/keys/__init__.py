"""The keys of quiz questions, one module per assignment. They never enter a sandbox, not even the references'."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class QuizKey:
    """The right choice of a quiz question, all of them as in ``"bd"`` where there are several, and one sentence for each wrong
    one."""

    right: str
    wrong: Mapping[str, str]
