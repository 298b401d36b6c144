"""Questions and interviews in a terminal."""

from __future__ import annotations

import inspect
import time
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markdown import Markdown
from rich.prompt import IntPrompt, Prompt

from stabilitylab import exercises, workspace
from stabilitylab.questions import answers, practice
from stabilitylab.questions.bank import Interview, Question
from stabilitylab.questions.interview import HIGHEST, Room, model_answer


def quiz(lesson: str, topic: str, count: int) -> None:
    """Asks what is due and what is new, at most ``count`` questions; the end of the input ends it early.

    Raises:
        ValueError: if there is no question of that lesson and topic.
    """
    console = Console()
    queue = practice.queue(lesson=lesson, topic=topic)[:count]
    if not queue:
        console.print("Nothing is due, and nothing is new. Come back later, or choose another lesson.")
        return
    right = 0
    try:
        for number, question in enumerate(queue, start=1):
            console.rule(f"{number} of {len(queue)}, lesson {question.lesson[:2]}")
            _ask(console, question)
            given = _answer(console, question)
            right += answers.keep(question, given)
            for sentence in [*answers.feedback(question, given), *answers.others(question, given)]:
                console.print(sentence, markup=False)
    except EOFError:
        console.print()
    console.print(f"{right} right. Your answers are kept; what you missed comes back first.")


def _ask(console: Console, question: Question) -> None:
    console.print(Markdown(question.question))
    for letter, choice in question.lettered().items() if question.kind != "numeric" else ():
        console.print(f"  {letter}) {choice.text}", markup=False)


def _answer(console: Console, question: Question) -> Any:
    while True:
        try:
            return answers.read(question, Prompt.ask("Your answer", console=console))
        except ValueError as error:
            console.print(str(error), markup=False)


def interview(minutes: int) -> None:
    """Holds an interview; the end of the input ends it early, and what was answered counts.

    Raises:
        ValueError: if there is no interview of that length.
    """
    console = Console()
    room = Room(minutes)
    console.print(
        f"{len(room.asked)} questions, {minutes} minutes. Answer in your own words, aloud or typed; an empty line ends your "
        "answer. Then compare with the model answer and score yourself by the rubric."
    )
    try:
        while question := room.question:
            console.rule(f"Question {len(room.rounds) + 1} of {len(room.asked)}, {max(0.0, room.left) / 60:.0f} minutes left")
            console.print(Markdown(question.question))
            if question.kind == "code":
                _code(console, room, question)
            else:
                said = _several_lines(console)
                _model(console, question)
                room.score(said, _score(console))
    except EOFError:
        console.print("\nThe interview ends here.")
    console.rule("Debrief")
    for sentence in room.debrief():
        console.print(Markdown(f"- {sentence}"))


def _several_lines(console: Console) -> str:
    lines: list[str] = []
    while line := console.input("> ").strip():
        lines.append(line)
    return "\n".join(lines)


def _model(console: Console, question: Question) -> None:
    """What a good answer holds, and the rubric."""
    asked = question.interview
    assert isinstance(asked, Interview)  # every question that is not marked by a program has one
    console.print(Markdown(model_answer(asked)))
    for points, holds in enumerate(asked.rubric):
        console.print(f"  {points}: {holds}", markup=False)


def _score(console: Console) -> int:
    choices = [str(points) for points in range(HIGHEST + 1)]
    return IntPrompt.ask("Your score", choices=choices, console=console)


def _code(console: Console, room: Room, question: Question) -> None:
    """A coding round: a file to write a function in, and the visible checks of the assignment on it."""
    assignment, _, name = question.answer.partition("/")
    target = exercises.questions(assignment)[name].target
    file = (
        workspace.WORK / "interview" / f"{target}_{time.strftime('%Y%m%d-%H%M%S')}.py"
    )  # a learner's file is never written over
    workspace.write_atomically(file, f'"""{inspect.cleandoc(question.question)}"""\n\nimport math\n\nimport torch\n')
    console.print(f"Write {target} in {file} and press Enter.", soft_wrap=True)
    console.input("")
    try:
        learner = _defined(file, target)
    except Exception as error:  # whatever the learner's file raises is the learner's to read
        console.print(f"{type(error).__name__}: {error}", markup=False)
        room.score("the file could not be run", 0)
    else:
        console.print(room.submit(learner), markup=False)
    _model(console, question)


def _defined(file: Path, target: str) -> Any:
    """What a file defines under a name.

    Raises:
        ValueError: if it defines no such name.
    """
    names: dict[str, Any] = {"__name__": file.stem}
    exec(compile(file.read_text(encoding="utf-8"), str(file), "exec"), names)
    if target not in names:
        raise ValueError(f"{file} defines no {target}")
    return names[target]
