"""The mock interview in a notebook: choose a length, answer, compare, score yourself, read the debrief.

Executed without a person it shows how to begin, and waits for nobody.
"""

from __future__ import annotations

import html
import time
from typing import Any

import ipywidgets as widgets
import mistune
from IPython.display import display

from stabilitylab.figures import plots
from stabilitylab.questions.bank import Interview, Question
from stabilitylab.questions.interview import LENGTHS, Room, model_answer

STATIC_FALLBACK = (
    "[The interview room is here when this notebook is opened in JupyterLab; `stabilitylab interview` is the same in a terminal.]"
)
_TEXT = "var(--jp-ui-font-color1)"  # JupyterLab's text colour, in either theme


class InterviewRoom:
    """The widgets around a ``Room``; ``enter`` shows one.

    Attributes:
        room: the interview under way, None before the first.
        widget: what is shown.
    """

    def __init__(self) -> None:
        self.room: Room | None = None
        self.length = widgets.ToggleButtons(options=[(f"{minutes} minutes", minutes) for minutes in LENGTHS], value=30)
        self.begin = widgets.Button(description="Begin", button_style="primary")
        self.asked = widgets.HTMLMath()
        self.said = widgets.Textarea(
            placeholder="Your answer, in your own words", layout=widgets.Layout(width="min(100%, 720px)", height="140px")
        )
        self.compare = widgets.Button(description="Compare", tooltip="Show the model answer and the rubric")
        self.model = widgets.HTMLMath()
        self.score = widgets.RadioButtons(options=[], layout=widgets.Layout(width="auto"))
        self.next = widgets.Button(description="Next", button_style="primary", disabled=True)
        self.begin.on_click(lambda _: self._begin())
        self.compare.on_click(lambda _: self._compare())
        self.next.on_click(lambda _: self._next())
        self.score.observe(lambda _: self._ready(), names="value")
        self.widget = widgets.VBox([widgets.HBox([self.length, self.begin])])
        self.widget.add_class("stability-interview")

    def submit(self, learner: Any) -> None:
        """Ends a coding round with your function; its visible checks mark it.

        Raises:
            ValueError: if no coding round is under way.
        """
        if self.room is None:
            raise ValueError("no interview is under way; press Begin")
        question = self.room.question
        found = self.room.submit(learner)
        assert question is not None and isinstance(question.interview, Interview)  # submit refuses every other case
        print(found)
        self._ask(before=f"<p>{html.escape(found)}</p>{mistune.html(model_answer(question.interview))}")

    def _begin(self) -> None:
        self.room = Room(self.length.value)
        self.widget.layout.min_height = "600px"  # or the page jumps whenever an answer gives way to the next question
        self._ask()

    def _ask(self, before: str = "") -> None:
        room = self.room
        assert room is not None
        if room.question is None:
            sentences = mistune.html("\n".join(f"- {sentence}" for sentence in room.debrief()))
            self.asked.value = _note(f"{before}<h3>Debrief</h3>{sentences}", plots.GREEN)
            self.widget.children = [self.asked, widgets.HBox([self.length, self.begin])]
            return
        question = room.question
        until = time.strftime("%H:%M", time.localtime(time.time() + room.left))
        head = f"Question {len(room.rounds) + 1} of {len(room.asked)}. You have until {until}."
        self.asked.value = _note(f"{before}<p>{head}</p>{mistune.html(question.question)}{_how(question)}", plots.BLUE)
        self.said.value = self.model.value = ""
        self.score.value = None
        if question.kind == "code":
            self.widget.children = [self.asked]
            return
        self.compare.disabled = False
        self.widget.children = [self.asked, self.said, self.compare]

    def _compare(self) -> None:
        assert self.room is not None and self.room.question is not None
        asked = self.room.question.interview
        assert isinstance(asked, Interview)
        self.compare.disabled = True
        self.model.value = _note(str(mistune.html(model_answer(asked))), plots.ORANGE)
        self.score.options = [(f"{points}: {holds}", points) for points, holds in enumerate(asked.rubric)]
        self.score.value = None
        self.widget.children = [
            self.asked,
            self.said,
            self.compare,
            self.model,
            widgets.HTML("<b>Your score</b>"),
            self.score,
            self.next,
        ]

    def _ready(self) -> None:
        self.next.disabled = self.score.value is None

    def _next(self) -> None:
        assert self.room is not None
        if self.score.value is None:  # a second press of the same Next, which would score a question nobody has read
            return
        self.room.score(self.said.value.strip(), self.score.value)
        self._ask()


def _how(question: Question) -> str:
    if question.kind != "code":
        return ""
    return "<p>Write the function in a cell of your own, then run <code>room.submit(your_function)</code> there.</p>"


def _note(text: str, color: str) -> str:
    style = f"border-left:4px solid {color};padding:2px 10px;line-height:1.45;max-width:60em;color:{_TEXT}"
    return f'<div role="status" style="{style}">{text}</div>'


def enter() -> InterviewRoom:
    """Shows an interview room in a notebook; keep what it returns, coding rounds end with its ``submit``."""
    made = InterviewRoom()
    data = made.widget._repr_mimebundle_()
    data["text/plain"] = STATIC_FALLBACK
    display(data, raw=True)
    return made
