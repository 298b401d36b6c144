"""The question bank: ``data/questions``, YAML files of questions, each file about one lesson, checked when it is loaded.

A file looks like this::

    lesson: 03_spikes_and_clipping
    questions:
    - id: 03-direction                # starts with the lesson's number
      kind: single                    # single, multiple or numeric
      topic: clipping                 # one of TOPICS
      level: 1                        # 1 recall, 2 apply, 3 judge
      question: What does clipping by the global norm do to the direction of the gradient?
      choices:                        # lettered a, b, c ... in this order
      - text: It keeps it.
        explain: One factor multiplies every element.
      - text: It turns it towards the largest element.
        explain: That would be a different factor for every element.
      answer: a                       # multiple: a list of letters; numeric: a number
      claims: [A3]                    # of data/claims.yaml that it is about
      experiments: [clipping-facts]   # whose recorded evidence proves the answer
      sources: [pascanu-2013]         # of data/sources.yaml

A numeric question has a relative ``tolerance`` and an ``explain`` of its own, and its ``choices`` are numbers that typical
mistakes give. A free question, as asked in an interview, has an ``interview`` block in the place of choices and answer (see
``Interview``). A code question is a coding round: the block, and as its ``answer`` the visible check of an assignment that marks
it, such as ``a1_clipping/clip_grad_norm``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from stabilitylab import experiments, workspace
from stabilitylab.claims import verdicts

FOLDER = workspace.DATA / "questions"
MARKED = ("single", "multiple", "numeric")
"""The kinds that a program can mark."""
KINDS = (*MARKED, "free", "code")
LETTERS = "abcdefgh"
TOPICS = {
    # the ten topics of the public quiz that the course answers
    "clipping-after-nan": "clipping after a NaN",
    "why-warmup": "why warmup",
    "plateau": "loss plateau",
    "cosine": "cosine at half way",
    "monitoring": "what to monitor",
    "accumulation": "gradient accumulation",
    "loss-scaling": "loss scaling",
    "lr-range-test": "the learning-rate range test",
    "weight-decay": "weight decay against L2",
    "checkpointing": "gradient checkpointing",
    # what else the lessons teach
    "constant-lr": "a constant learning rate",
    "schedules": "schedules",
    "clipping": "clipping",
    "diagnosis": "naming the cause",
    "half-precision": "fp16 and bf16",
    "recovery": "recovery",
    "adam": "Adam's moments",
    "architecture": "norms, initialisation, attention",
    "reading-curves": "reading a run",
}


@dataclass(frozen=True)
class Choice:
    """An answer that may be chosen, or a number that a typical mistake gives, and one sentence on why it is right or wrong."""

    text: str
    explain: str


@dataclass(frozen=True)
class Interview:
    """What an interviewer's question needs besides its words.

    Attributes:
        short: the model answer in three sentences.
        full: the model answer in a paragraph or two, Markdown.
        probing: what the interviewer wants to find out.
        follow_ups: three questions that come next.
        popular: the popular wrong (or half right) answer.
        refuted_by: what a run of this course says about it; names the experiment in ``Question.experiments``.
        rubric: five sentences, what an answer worth 0, 1, 2, 3 or 4 holds.
    """

    short: str
    full: str
    probing: str
    follow_ups: Sequence[str]
    popular: str
    refuted_by: str
    rubric: Sequence[str]


@dataclass(frozen=True)
class Question:
    """One question.

    Attributes:
        id: such as ``"03-direction"``.
        kind: one of ``KINDS``.
        topic: a key of ``TOPICS``.
        level: 1 recall, 2 apply, 3 judge.
        question: Markdown.
        choices: in the order in which they are lettered; plain text.
        answer: the letter; the letters; the number; or the check that marks a code question. None for a free one.
        lesson: the notebook that teaches it, such as ``"03_spikes_and_clipping"``.
        explain: why the number is right, for a numeric question.
        tolerance: relative, for a numeric question.
        claims: ids in the ledger.
        experiments: whose evidence proves the answer.
        sources: ids in ``data/sources.yaml``.
        interview: of a free or a code question.

    Raises:
        ValueError: naming the question and what is wrong with it.
    """

    id: str
    kind: str
    topic: str
    level: int
    question: str
    lesson: str
    answer: Any = None
    choices: Sequence[Choice] = ()
    explain: str = ""
    tolerance: float = 0.0
    claims: Sequence[str] = field(default=())
    experiments: Sequence[str] = field(default=())
    sources: Sequence[str] = field(default=())
    interview: Interview | None = None

    def __post_init__(self) -> None:
        def refuse(what: str) -> None:
            raise ValueError(f"question {self.id}: {what}")

        if not self.id.startswith(f"{self.lesson[:2]}-"):
            refuse(f"id must begin with the lesson's number, {self.lesson[:2]}-")
        if self.kind not in KINDS:
            refuse(f"kind is {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.topic not in TOPICS:
            refuse(f"topic is {self.topic!r}; choose one of {', '.join(TOPICS)}")
        if self.level not in (1, 2, 3):
            refuse(f"level is {self.level!r}; it must be 1 (recall), 2 (apply) or 3 (judge)")
        letters = LETTERS[: len(self.choices)]
        if self.kind not in MARKED:
            self._check_interview(refuse)
        elif self.kind == "numeric":
            if not isinstance(self.answer, (int, float)) or not self.tolerance > 0 or not self.explain:
                refuse("a numeric question needs a number as its answer, a tolerance above 0 and an explanation")
            for choice in self.choices:
                if self.is_right(float(choice.text)):
                    refuse(f"choices holds {choice.text}, which the tolerance lets pass")
        elif len(self.choices) > len(LETTERS):
            refuse(f"choices holds {len(self.choices)}; there are letters for {len(LETTERS)}")
        elif len(self.choices) < 3:
            refuse(f"choices holds {len(self.choices)}; write at least 3")
        elif self.kind == "single" and (not isinstance(self.answer, str) or len(self.answer) != 1 or self.answer not in letters):
            refuse(f"answer is {self.answer!r}; it must be one of {', '.join(letters)}")
        elif self.kind == "multiple" and not (self.answer and set(self.answer) <= set(letters)):
            refuse(f"answer is {self.answer!r}; it must be a list of some of {', '.join(letters)}")
        for choice in self.choices:
            if not choice.explain:
                refuse(f"choice {choice.text!r} has no explanation")
            if any(mark in choice.text for mark in "`$*"):
                refuse(f"choice {choice.text!r} holds markup; a choice is plain text")
        for name in self.experiments:
            experiments.get(name)
        verdicts.select(_ledger(), self.claims)
        for source in self.sources:
            if source not in _sources():
                refuse(f"sources holds {source!r}, which data/sources.yaml does not have")

    def _check_interview(self, refuse: Callable[[str], None]) -> None:
        asked = self.interview
        if asked is None:
            return refuse(f"a {self.kind} question needs an interview block")
        for name, count in (("follow_ups", 3), ("rubric", 5)):
            if len(getattr(asked, name)) != count:
                refuse(f"interview {name} holds {len(getattr(asked, name))}; write {count}")
        if empty := [name for name, value in vars(asked).items() if not value or (not isinstance(value, str) and not all(value))]:
            refuse(f"interview {empty[0]} is empty")
        if not self.experiments:
            refuse("experiments is empty; name the one whose run refutes the popular answer")
        if self.kind == "code" and self.answer not in _checks():
            refuse(f"answer is {self.answer!r}; it must name a check, such as {_checks()[0]}")

    def is_right(self, given: Any) -> bool:
        """Whether an answer is right: a letter, a collection of letters, or a number."""
        if self.kind == "numeric":
            return math.isclose(float(given), float(self.answer), rel_tol=self.tolerance)
        return set(given) == set(self.answer)

    def lettered(self) -> Mapping[str, Choice]:
        """Letter -> choice."""
        return dict(zip(LETTERS, self.choices))


@cache
def _ledger() -> list[verdicts.Claim]:
    return verdicts.load()


@cache
def _checks() -> list[str]:
    """Every question of an assignment that visible checks mark, as assignment/question."""
    return [
        f"{path.stem}/{name}"
        for path in sorted((workspace.DATA / "checks").glob("*.json"))
        for name in json.loads(path.read_text())
    ]


@cache
def _sources() -> frozenset[str]:
    listed = yaml.safe_load((workspace.DATA / "sources.yaml").read_text(encoding="utf-8"))["sources"]
    return frozenset(source["id"] for source in listed)


def read(path: Path) -> list[Question]:
    """The questions of one file.

    Raises:
        ValueError: naming the question and what is wrong with it.
    """
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = []
    for entry in data["questions"]:
        try:
            choices = tuple(Choice(**choice) for choice in entry.pop("choices", ()))
            interview = Interview(**entry.pop("interview")) if "interview" in entry else None
            found.append(Question(lesson=data["lesson"], choices=choices, interview=interview, **entry))
        except TypeError as error:
            raise ValueError(f"question {entry.get('id')}: {error}") from None
    ids = [question.id for question in found]
    for name in ids:
        if ids.count(name) > 1:
            raise ValueError(f"question {name}: the id is used {ids.count(name)} times in {path}")
    return found


@cache
def load() -> Mapping[str, Question]:
    """The whole bank by id, in the order of lessons and files.

    Raises:
        ValueError: naming the question and what is wrong with it.
    """
    return {question.id: question for path in sorted(FOLDER.rglob("*.yaml")) for question in read(path)}


def select(name: str) -> list[Question]:
    """The question of an id, or a lesson's quiz, which is all of its questions that a program can mark:
    ``select("03-direction")``, ``select("03")``.

    Raises:
        ValueError: if there is none.
    """
    found = [
        question for question in load().values() if name == question.id or (name == question.id[:2] and question.kind in MARKED)
    ]
    if not found:
        raise ValueError(f"name is {name!r}; give a lesson's number such as '03', or one of {', '.join(load())}")
    return found
