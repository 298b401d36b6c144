"""A mystery run in a notebook: the curve, priced diagnostics, a verdict, and the replay beside run and healthy twin.

Executed without a person it shows the curve and how to play, and waits for nobody. Everything runs in the cell or in the press of
a button; a run takes one or two seconds, so there are no threads to stop.
"""

from __future__ import annotations

import base64
import html
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from random import SystemRandom
from typing import Any

import ipywidgets as widgets
from IPython.display import HTML, display

from stabilitylab.figures import plots
from stabilitylab.mystery import incidents
from stabilitylab.mystery.game import AT_A_STEP, BUDGET, CURES, DIAGNOSTICS, Evidence, Game, Score, Verdict, expert
from stabilitylab.mystery.incidents import CAUSES

STATIC_FALLBACK = "[Priced diagnostics and a verdict are here when this notebook is opened in JupyterLab.]"
USUAL = (
    "Usual in healthy runs of these models: update ratio 0.002 to 0.01 after warmup, largest attention logit about 2 at step 0, "
    "gradient norm about 1, at most a few percent flushed to zero."
)
_TEXT = "var(--jp-ui-font-color1)"  # JupyterLab's text colour, in either theme
_ROWS = 4  # of a batch are shown


def play(seed: int | None = None) -> MysteryRoom:
    """Draws an incident, trains it, shows its curve and the buttons.

    Args:
        seed: of the incident; default a new one.

    Returns:
        The room, whose ``game`` is the incident being played.

    Raises:
        ValueError: if the seed is no whole number from 0.
    """
    room = MysteryRoom()
    room.show(seed)
    return room


class MysteryRoom:
    """The widgets around a ``Game``; ``play`` shows one.

    Attributes:
        game: the incident being played, None before the first.
        diagnostics: a button for each, by its name in ``game.DIAGNOSTICS``.
        causes, cures: a checkbox for each, by its name.
    """

    def __init__(self) -> None:
        self.game: Game | None = None
        wide, middle = widgets.Layout(width="auto"), widgets.Layout(width="min(100%, 480px)")
        self.step = widgets.BoundedIntText(description="step", min=0, max=1, layout=widgets.Layout(width="160px"))
        self.diagnostics = {
            name: widgets.Button(description=f"{label} ({price})", layout=wide) for name, (label, price) in DIAGNOSTICS.items()
        }
        self.left = widgets.HTML()
        self.evidence = widgets.VBox([])
        self.causes = {name: widgets.Checkbox(description=name, indent=False, layout=wide) for name in CAUSES}
        self.cures = {name: widgets.Checkbox(description=cure.label, indent=False, layout=wide) for name, cure in CURES.items()}
        self.verdict = widgets.Button(description="Verdict", button_style="primary")
        self.another = widgets.Button(description="Another", icon="refresh", tooltip="A new seed: a new incident")
        self.progress = widgets.IntProgress(layout=widgets.Layout(width="200px", visibility="hidden"))
        self.said = widgets.HTML()
        self.replay = widgets.HTML()
        for name, button in self.diagnostics.items():
            button.on_click(partial(self._guarded, partial(self._buy, name)))
        self.verdict.on_click(partial(self._guarded, self._judge))
        self.another.on_click(partial(self._guarded, self._another))
        plain = [button for name, button in self.diagnostics.items() if name not in AT_A_STEP]
        about_a_step = [self.diagnostics[name] for name in AT_A_STEP]
        row = widgets.Layout(flex_flow="row wrap", align_items="center")
        self.widget = widgets.VBox(
            [
                self.left,
                widgets.HBox(plain, layout=row),
                widgets.HBox([self.step, *about_a_step], layout=row),
                self.evidence,
                widgets.HBox(
                    [
                        widgets.VBox([_heading("Cause: one, or two"), *self.causes.values()], layout=middle),
                        widgets.VBox([_heading("Cure: one, or two"), *self.cures.values()], layout=middle),
                    ],
                    layout=widgets.Layout(flex_flow="row wrap"),
                ),
                widgets.HBox([self.verdict, self.another, self.progress], layout=row),
                self.said,
                self.replay,
            ]
        )
        self.widget.add_class("stability-mystery")
        self._picture: Any = None
        self._words: Any = None

    def show(self, seed: int | None) -> None:
        """Displays the curve of an incident, and under it the widgets."""
        self._picture = display(self.progress, display_id=True)
        self._begin(seed)
        data = self.widget._repr_mimebundle_()
        data["text/plain"] = STATIC_FALLBACK
        data["text/html"] = _static()
        display(data, raw=True)

    def _begin(self, seed: int | None) -> None:
        chosen = SystemRandom().randrange(10_000, 1_000_000) if seed is None else seed
        self._say("")
        self.game = game = Game(self._watched(partial(incidents.incident, chosen)))
        self.step.max, self.step.value = game.steps - 1, len(game.curve) - 1
        self.evidence.children = ()
        self.replay.value = ""
        for box in (*self.causes.values(), *self.cures.values()):
            box.value = False
        chart = curve(game)
        data, metadata = chart.bundle()
        self._picture.update(data, metadata=metadata, raw=True)
        if self._words is None:
            self._words = display(HTML(chart.words()), display_id=True)
        else:
            self._words.update(HTML(chart.words()))
        self._refresh()

    def _watched(self, work: Callable[..., Any]) -> Any:
        """Runs work that trains, with the progress bar; nothing else can be pressed meanwhile."""

        def watch(done: int, steps: int) -> None:
            self.progress.max, self.progress.value = steps, done

        self.progress.value, self.progress.layout.visibility = 0, "visible"
        try:
            return work(watch=watch)
        finally:
            self.progress.layout.visibility = "hidden"

    def _guarded(self, work: Callable[[], None], _: widgets.Button) -> None:
        """Does what a button asks; what cannot be done is said in a sentence."""
        try:
            work()
        except ValueError as error:
            self._say(f"<p>{html.escape(str(error))}.</p>", plots.VERMILION)

    def _buy(self, name: str) -> None:
        assert self.game
        had = len(self.game.bought)
        evidence = self.game.buy(name, self.step.value)
        if len(self.game.bought) > had:  # what was bought before is on the screen already
            self.evidence.children = (*self.evidence.children, widgets.HTML(shown(self.game, evidence)))
        self._say("")
        self._refresh()

    def _judge(self) -> None:
        assert self.game
        causes, cures = ([name for name, box in boxes.items() if box.value] for boxes in (self.causes, self.cures))
        given = Verdict(frozenset(causes), tuple(cures), self.step.value)
        score = self._watched(partial(self.game.verdict, given))
        said = "".join(f"<li>{html.escape(sentence)}</li>" for sentence in score.sentences)
        head = (
            f"<b>{score.points} of 100</b>: cause {score.cause} of 50, cure {score.cure} of 30, points left {score.cost} of 20."
        )
        by_rule = f"<p>{html.escape(_by_rule(self.game))}</p>"
        self._say(f"<p>{head}</p><ul>{said}</ul>{by_rule}", plots.GREEN if score.points >= 80 else plots.ORANGE)
        self.replay.value = _image(replayed(self.game, score))
        self._refresh()

    def _another(self) -> None:
        self._begin(None)

    def _refresh(self) -> None:
        assert self.game
        over = self.game.score is not None
        self.left.value = f'<div style="color:{_TEXT}"><b>{self.game.left} of {BUDGET} points left.</b> {USUAL}</div>'
        for name, button in self.diagnostics.items():
            button.disabled = over or DIAGNOSTICS[name][1] > self.game.left
        self.verdict.disabled = over

    def _say(self, text: str, color: str = plots.BLUE) -> None:
        style = f"border-left:4px solid {color};padding:2px 10px;line-height:1.45;max-width:60em;color:{_TEXT}"
        self.said.value = f'<div role="status" style="{style}">{text}</div>' if text else ""


def _by_rule(game: Game) -> str:
    """What the expert, a rule that sees no more than a player, makes of the same incident."""
    played, verdict = expert(game.incident)
    bought = ", ".join(DIAGNOSTICS[evidence.name][0] for evidence in played.bought)
    cures = " and ".join(CURES[name].label for name in verdict.cures)
    causes = " and ".join(sorted(verdict.causes))
    return f"A simple rule bought {bought} ({BUDGET - played.left} points), and says: {causes}; cure: {cures}."


def curve(game: Game) -> plots.Chart:
    """The loss of the incident, which is all that is seen for nothing."""
    title = f"Incident {game.incident.seed}: {len(game.curve)} of {game.steps} steps"
    return plots.panels({"the run": [game.incident.trace.run]}, ("loss",), title=title)


def replayed(game: Game, score: Score) -> plots.Chart:
    """The run as it was, its replay with the cure, and the healthy twin."""
    groups = {
        "as it was": [game.incident.trace.run],
        "with your cure": [score.replay.run],
        "healthy twin": [game.incident.twin.run],
    }
    colors = (plots.VERMILION, plots.BLUE, plots.GREEN)
    return plots.panels(groups, ("loss",), title=f"Incident {game.incident.seed}, replayed", colors=colors)


def shown(game: Game, evidence: Evidence) -> str:
    """A piece of evidence as HTML: a picture with alt text, the text of a batch, or the lines of a file."""
    title, price = _title(evidence), DIAGNOSTICS[evidence.name][1]
    head = f'<div style="color:{_TEXT}"><b>{html.escape(title)}</b> ({price})</div>'
    if evidence.name == "settings":
        lines = "\n".join(f"{name}: {value}" for name, value in evidence.values.items())
        return f"{head}<pre>{html.escape(lines)}</pre><div style='color:{_TEXT}'>As configured; what was done may differ.</div>"
    if evidence.name == "text":
        return f"{head}<pre>{html.escape(_rows(evidence.values))}</pre>"
    return head + _image(chart(game, evidence))


def chart(game: Game, evidence: Evidence) -> plots.Chart:
    """The picture of a piece of evidence that is made of curves.

    Raises:
        ValueError: if it is made of words.
    """
    if evidence.name in ("settings", "text"):
        raise ValueError(f"evidence is {evidence.name!r}, which has no curve; show it with `shown`")
    title = _title(evidence)
    if evidence.name in ("fp32", "skip"):
        groups: Mapping[str, Sequence[float]] = {"as it was": game.curve, "re-run": evidence.values["loss"]}
        return _lines(groups, "loss (nats per byte)", title)
    if evidence.name == "layers":
        return _lines(_thinned(evidence.values), "gradient norm of a block", title)
    named = {plots.AXIS_LABELS[column]: values for column, values in evidence.values.items()}
    if evidence.name == "numbers":
        bad = [step for step, share in enumerate(evidence.values["nonfinite_fraction"]) if share > 0]
        # a few elements are enough to kill a run, and too few to be seen on an axis
        title += f": inf or NaN at {len(bad)} steps" + (f", first at {bad[0]}, last at {bad[-1]}" if bad else "")
    return _lines(named, next(iter(named)) if len(named) == 1 else "share of gradient elements", title)


def _title(evidence: Evidence) -> str:
    label = DIAGNOSTICS[evidence.name][0]
    about = label if evidence.step is None else label.replace("a step", f"step {evidence.step}")
    return about[0].upper() + about[1:]


def _thinned(values: Mapping[str, Sequence[float]]) -> dict[str, Sequence[float]]:
    """Four blocks at most, the first and the last among them: more lines would hide each other."""
    names = list(values)
    kept = sorted({round(i * (len(names) - 1) / 3) for i in range(4)})
    return {names[i]: values[names[i]] for i in kept}


def _lines(groups: Mapping[str, Sequence[float]], ylabel: str, title: str) -> plots.Chart:
    clean = {label: [v if math.isfinite(v) else math.nan for v in values] for label, values in groups.items()}
    seen = [v for values in clean.values() for v in values if not math.isnan(v)]
    broken = [next((i for i, v in enumerate(values) if math.isnan(v)), None) for values in clean.values()]
    if steps := [step for step in broken if step is not None]:
        title += f" (not finite at step {min(steps)})"  # a gap at the end of a line is easily missed
    logarithmic = bool(seen) and min(seen) > 0 and max(seen) > 20 * min(seen)
    return plots.lines({k: [(range(len(v)), v)] for k, v in clean.items()}, "step", ylabel, title, logarithmic=logarithmic)


def _rows(batch: Mapping[str, Sequence[Sequence[int]]]) -> str:
    """The first rows of a batch, what the model read and what it was asked to predict; a byte that cannot be printed as a dot."""
    rows = []
    for read, asked in list(zip(batch["inputs"], batch["targets"]))[:_ROWS]:
        rows += [f"reads   {_printable(read)}", f"predict {_printable(asked)}", ""]
    kinds = [len({byte for row in batch[part] for byte in row}) for part in ("inputs", "targets")]
    rows.append(
        f"All {len(batch['inputs'])} rows: {kinds[0]} different bytes read, {kinds[1]} to predict. A dot is a byte that "
        "cannot be printed."
    )
    return "\n".join(rows)


def _printable(row: Sequence[int]) -> str:
    return "".join("⏎" if byte == 10 else chr(byte) if 32 <= byte < 127 else "·" for byte in row)


def _image(chart: plots.Chart) -> str:
    """A chart as HTML: unlike the image widget, it carries alt text."""
    data = base64.b64encode(chart.png()).decode()
    picture = f'<img src="data:image/png;base64,{data}" alt="{html.escape(chart.alt, quote=True)}" style="max-width:100%">'
    return picture + chart.words()


def _heading(text: str) -> widgets.HTML:
    return widgets.HTML(f"<b>{html.escape(text)}</b>")


def _static() -> str:
    prices = ", ".join(f"{label} ({price})" for label, price in DIAGNOSTICS.values())
    return (
        f"<p>{html.escape(STATIC_FALLBACK)}</p><p>{BUDGET} points buy: "
        f"{html.escape(prices)}.</p><p>{html.escape(USUAL)}</p><p>Then name one cause or two ({', '.join(CAUSES)}), and one "
        f"cure or two: {html.escape(', '.join(c.label for c in CURES.values()))}.</p>"
    )
