"""Questions in a notebook: choose, check, read why; the answers are remembered in ``work/answers.json``.

Executed without a person, a question is shown with its choices to unfold, which is also what a code host shows.
"""

from __future__ import annotations

import html
from typing import Any

import ipywidgets as widgets
import mistune
from IPython.display import display

from stabilitylab.figures import plots
from stabilitylab.questions import answers, bank
from stabilitylab.questions.bank import Question

_TEXT = "var(--jp-ui-font-color1)"  # JupyterLab's text colour, in either theme


def quiz(name: str) -> None:
    """Shows one question, or all of a lesson: ``quiz("03-direction")``, ``quiz("03")``.

    Raises:
        ValueError: if there is no such question.
    """
    asked = bank.select(name)
    data = widgets.VBox([_Card(question, number).widget for number, question in enumerate(asked, start=1)])._repr_mimebundle_()
    data["text/html"] = "<br>\n".join(_static(question, number) for number, question in enumerate(asked, start=1))
    data["text/plain"] = f"[A quiz of {len(asked)} questions.]"
    display(data, raw=True)


class _Card:
    """One question as widgets."""

    def __init__(self, question: Question, number: int):
        self.question = question
        labels = [f"{letter}) {choice.text}" for letter, choice in question.lettered().items()]
        wide = widgets.Layout(width="auto")
        if question.kind == "single":
            self.inputs: list[Any] = [widgets.RadioButtons(options=labels, value=None, layout=wide)]
        elif question.kind == "multiple":
            self.inputs = [widgets.Checkbox(description=label, indent=False, layout=wide) for label in labels]
        else:
            self.inputs = [widgets.Text(placeholder="a number, such as 0.25 or 3e-4", continuous_update=True)]
        self.button = widgets.Button(description="Check", button_style="primary", disabled=True)
        self.said = widgets.HTMLMath()
        for each in self.inputs:
            each.observe(lambda _: self._ready(), names="value")
        self.button.on_click(lambda _: self._check())
        head = widgets.HTMLMath(f'<div style="color:{_TEXT}">{_asked(question, number)}</div>')
        self.widget = widgets.VBox([head, *self.inputs, self.button, self.said], layout=widgets.Layout(margin="0 0 16px 0"))
        self.widget.add_class("stability-question")
        if question.id in (kept := answers.load()):
            last = kept[question.id][-1]
            self._say([f"Your last answer was {'right' if last['right'] else 'not right'} ({last['when']})."], last["right"])

    def given(self) -> Any:
        """What is chosen now: letters, or a number; None if nothing that can be checked."""
        if self.question.kind == "single":
            return self.inputs[0].value and self.inputs[0].value[0]
        if self.question.kind == "multiple":
            return [box.description[0] for box in self.inputs if box.value] or None
        try:
            return answers.read(self.question, self.inputs[0].value)
        except ValueError:
            return None

    def _ready(self) -> None:
        self.button.disabled = self.given() is None

    def _check(self) -> None:
        given = self.given()
        if given is None:  # pressed before the button could be switched off
            return
        right = answers.keep(self.question, given)
        others = answers.others(self.question, given) if right else []
        self._say(answers.feedback(self.question, given), right, _unfolded("Why not the others", others) if others else "")

    def _say(self, sentences: list[str], right: bool, more: str = "") -> None:
        style = f"border-left:4px solid {plots.GREEN if right else plots.VERMILION};padding:2px 8px;line-height:1.4;color:{_TEXT}"
        self.said.value = f'<div role="status" style="{style}">{"<br>".join(map(html.escape, sentences))}{more}</div>'


def _unfolded(label: str, sentences: list[str]) -> str:
    return f"<details><summary>{html.escape(label)}</summary>{'<br>'.join(map(html.escape, sentences))}</details>"


def _asked(question: Question, number: int) -> str:
    more = " <i>(more than one may be right)</i>" if question.kind == "multiple" else ""
    return str(mistune.html(f"**{number}.** {question.question}")).replace("</p>", f"{more}</p>", 1)


def _static(question: Question, number: int) -> str:
    if question.kind == "numeric":
        return _asked(question, number) + _unfolded("answer", [f"{question.answer:g}. {question.explain}"])
    marks = {letter: "Right." if letter in question.answer else "No." for letter in question.lettered()}
    return _asked(question, number) + "\n".join(
        _unfolded(f"{letter}) {choice.text}", [f"{marks[letter]} {choice.explain}"])
        for letter, choice in question.lettered().items()
    )
