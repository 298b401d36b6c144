"""Predict, run, explain: a prediction is committed before anything runs, kept, and shown again beside the result.

Predictions live in ``work/predictions.json``. Executed without a person, a question shows its options and waits for nobody.
"""

from __future__ import annotations

import html
import time
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets
from IPython.display import HTML, display

from stabilitylab import workspace

VERSION = 1


def load() -> dict[str, dict[str, Any]]:
    """All predictions by key."""
    return workspace.load("predictions", VERSION)


def commit(key: str, choice: str, why: str = "") -> None:
    """Keeps a prediction; an earlier one under the same key is replaced."""
    made = {"choice": choice, "why": why, "when": time.strftime("%Y-%m-%d %H:%M")}
    workspace.save("predictions", VERSION, load() | {key: made})


def ended() -> dict[str, str]:
    """Lesson, such as ``"03"`` -> when its end was last reached."""
    return workspace.load("lessons", VERSION)


def predict(key: str, question: str, options: Sequence[str]) -> None:
    """Asks for a prediction in the notebook.

    Args:
        key: names the prediction; the same key is used to show it again.
        question: what is asked.
        options: what may happen.
    """
    made = load().get(key)
    choice = widgets.RadioButtons(options=list(options), value=None, layout=widgets.Layout(width="auto"))
    why = widgets.Textarea(
        placeholder="Why do you think so? One sentence is enough.", layout=widgets.Layout(width="min(100%, 600px)", height="54px")
    )
    button = widgets.Button(description="Commit", button_style="primary", disabled=True)
    said = widgets.HTML()
    if made and made["choice"] in options:
        choice.value, why.value = made["choice"], made["why"]
        button.disabled = False
        said.value = _note(f"You committed to this on {made['when']}. Committing again replaces it.")

    def chosen(_: Any) -> None:
        button.disabled = choice.value is None

    def committed(_: Any) -> None:
        commit(key, choice.value, why.value.strip())
        said.value = _note("Committed. It is shown again beside the result.")

    choice.observe(chosen, names="value")
    button.on_click(committed)
    data = widgets.VBox(
        [widgets.HTML(f"<b>{html.escape(question)}</b>"), choice, why, widgets.HBox([button, said])]
    )._repr_mimebundle_()
    data["text/plain"] = "\n".join([question, *(f"  ( ) {option}" for option in options)])
    display(data, raw=True)


def review(key: str, happened: str, outcome: str | None = None) -> None:
    """Shows a prediction beside what happened.

    Args:
        key: of the prediction; if it begins with the number of a lesson, that counts as worked through from now on.
        happened: what the runs showed, in one or two sentences.
        outcome: the option that came true, word for word; None if none did exactly. It is kept beside the prediction.
    """
    if (lesson := key.partition("-")[0]).isdigit():
        workspace.save("lessons", VERSION, ended() | {lesson: time.strftime("%Y-%m-%d %H:%M")})
    made = load().get(key)
    if made and outcome is not None and made.get("outcome") != outcome:
        workspace.save("predictions", VERSION, load() | {key: made | {"outcome": outcome}})
    said = (
        html.escape(made["choice"])
        if made
        else "<i>nothing was committed: scroll up and commit next time, it is half the lesson</i>"
    )
    why = f"<br><b>Because</b> {html.escape(made['why'])}" if made and made["why"] else ""
    display(HTML(f"<p><b>You predicted</b> {said}{why}<br><b>What happened</b> {html.escape(happened)}</p>"))


def _note(text: str) -> str:
    return f'<span role="status" style="color:var(--jp-ui-font-color1)">{html.escape(text)}</span>'
