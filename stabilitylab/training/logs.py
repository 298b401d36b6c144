"""The loss log of any run, read from the file that a trainer or a tracker left.

``read`` takes CSV, JSON and JSON lines (histories of Weights & Biases among them, and its CSV export of a chart), the
``trainer_state.json`` of Hugging Face, TensorBoard event files or a folder with some, and what ``stabilitylab run --json``
writes. It finds the columns by their names and says which it took. ``telemetry.Run.read`` makes a ``Run`` of it.

All formats become rows, one for everything that was logged at once. Rows of one step are one, cells that are empty are gaps,
and a row without a loss (an evaluation, say) is left out.
"""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Row = dict[str, float]

_HELD_OUT = {"val", "valid", "validation", "eval", "evaluation", "test", "dev", "heldout"}

MEASUREMENTS: Mapping[str, tuple[str, ...]] = {
    "step": (
        "step", "global step", "trainer global step", "train global step", "steps", "current steps", "iteration", "iterations",
        "iter", "iters", "iter num", "it", "update", "updates", "num updates", "batch", "batch idx",
    ),
    "lr": ("lr", "learning rate", "learningrate", "train lr", "train learning rate", "optimizer lr", "lr adamw", "lr adam"),
    "grad_norm": (
        "grad norm", "gradient norm", "gradnorm", "train grad norm", "train gradient norm", "global grad norm",
        "total grad norm", "grad norm total", "gnorm", "grad 2 0 norm total", "optimizer grad norm", "grad norm before clip",
        "train grad norm before clip",
    ),
    "clipped_norm": (
        "clipped norm", "clipped grad norm", "grad norm clipped", "grad norm after clip", "train grad norm after clip",
    ),
    "update_ratio": ("update ratio", "update to weight ratio", "update to param ratio", "relative update"),
    "max_attention_logit": ("max attention logit", "max attn logit", "max attention logits", "max attn logits", "max logit"),
    "nonfinite_fraction": ("nonfinite fraction",),
    "flushed_fraction": ("flushed fraction",),
    "loss_scale": ("loss scale", "lossscale", "train loss scale", "grad scale", "scaler scale", "amp scale", "scale"),
    "skipped": ("skipped", "step skipped", "skipped step", "overflow", "found inf"),
}  # fmt: skip
"""Measurement, as ``telemetry.StepRecord`` names it -> names of columns, best first; ``_words`` says how they are compared."""
OTHERS: Mapping[str, Callable[[Sequence[str]], bool]] = {
    "validation loss": lambda words: _is_loss(words) and bool(_HELD_OUT & set(words)),
    "batch ids": lambda words: (
        bool({"batch", "sample", "shard", "document", "data"} & set(words))
        and bool({"id", "ids", "index", "indices", "hash"} & set(words))
    ),
}
"""What else a log may hold that helps to name a cause."""
_TRAINING = {"train", "training", "trainer"}
_PLAIN = {"step", "batch", "iter", "avg", "average", "mean", "running", "lm", "ce", "nll", "total", "metrics", "log", "raw"}
_NO_LOSS = {"scale", "std", "var", "variance", "min", "max", "best", "weight", "ratio", "norm", "lr", "count", "time"}
_MISSING = {"", "none", "null", "n/a", "na", "-"}
_OF_HELD_OUT = 4
_SHOWN = 12  # column names in a message


@dataclass(frozen=True)
class Log:
    """What was read from a file.

    Attributes:
        path: the file or folder.
        format: such as ``"CSV"``.
        columns: measurement of ``telemetry.StepRecord`` -> its values, one for every loss; NaN where a cell was empty.
        taken: measurement -> the name of its column in the file.
        found: the names of all columns in the file.
        notes: what the reader chose or left out, a sentence each.
        run: where the file is one of this course's own runs, its data for ``Run.from_dict``; else None.
    """

    path: Path
    format: str
    columns: Mapping[str, Sequence[float]]
    taken: Mapping[str, str]
    found: Sequence[str]
    notes: Sequence[str] = field(default_factory=tuple)
    run: Mapping[str, Any] | None = None

    @property
    def kinds(self) -> set[str]:
        """What the file holds: measurements that were taken, and what ``OTHERS`` lists."""
        words = list(map(_words, self.found))
        return set(self.taken) | {kind for kind, is_one in OTHERS.items() if any(map(is_one, words))}


def read(path: str | Path, loss: str | None = None) -> Log:
    """The log in a file.

    Args:
        path: a file, or a folder with TensorBoard event files.
        loss: the column of the training loss, default the one whose name says so.

    Raises:
        ValueError: if the file is none of the formats, holds no loss, or several columns that could be it, saying which.
        FileNotFoundError: if there is no such file.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path} does not exist; give the path of a log file")
    format_, rows = _rows(path)
    if format_ == "a run of this course":
        return _own(path, rows[0], loss)
    table = [{name: number for name, cell in _flat(row) if (number := _number(cell)) is not None} for row in rows]
    found = list(dict.fromkeys(name for row in rows for name, _ in _flat(row)))
    notes: list[str] = []
    column = _loss_column(path, found, table, loss, notes)
    taken = {"loss": column} | _other_columns(found, table, column)
    kept = [row for row in _merged(table, taken) if _has_loss(row, column)]
    if all(math.isnan(row[column]) for row in kept):  # also where no row is left
        raise ValueError(f"column {column!r} of {path} holds nothing but NaN; there is no curve to judge")
    if any(row[column] < 0 for row in kept):
        notes.append(f"Some values of {column!r} lie below 0, which no cross-entropy does; the verdicts are made for one.")
    steps = _steps(kept, taken, found, notes)
    kept, steps = _last_pass(kept, steps, notes)
    columns = {name: [row.get(source, math.nan) for row in kept] for name, source in taken.items() if name != "step"}
    if "skipped" in columns:
        columns["skipped"] = [float(value == 1) for value in columns["skipped"]]  # where nothing is said, nothing was skipped
    return Log(path, format_, columns | {"step": steps}, taken, found, tuple(notes))


def _own(path: Path, data: dict[str, Any], loss: str | None) -> Log:
    columns = data["columns"]
    if loss not in (None, "loss"):
        raise ValueError(f"loss is {loss!r}; a run of this course has its loss in the column 'loss'")
    if not {"step", "loss"} <= set(columns) or not columns["loss"]:
        raise ValueError(f"{path} looks like a run of this course, but holds no steps and losses")
    names = [name for name in columns if name in MEASUREMENTS or name == "loss"]
    values = {name: [float(value) for value in columns[name]] for name in names}
    return Log(path, "a run of this course", values, {name: name for name in names}, tuple(columns), run=data)


# rows of each format


def _rows(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The format, and a dictionary for everything that was logged at once."""
    if path.is_dir():
        return "TensorBoard", _tensorboard(path)
    data = path.read_bytes()
    if data.startswith(b"version https://git-lfs"):
        raise ValueError(f"{path} is a pointer of Git LFS and not the log itself; bring it with: git lfs pull")
    if "tfevents" in path.name:
        return "TensorBoard", _tensorboard(path)
    if not data.strip():
        raise ValueError(f"{path} is empty; give a log with a loss in it")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{path} is no text; give {_FORMATS}") from None
    if text.lstrip()[0] in "[{":
        return _json(path, text)
    return "CSV", _csv(path, text)


_FORMATS = "CSV, JSON, JSON lines, a trainer_state.json, or TensorBoard event files (their names hold 'tfevents')"


def _tensorboard(path: Path) -> list[dict[str, Any]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util.tensor_util import make_ndarray

    if path.is_dir():
        folders = sorted({file.parent for file in [*path.glob("*tfevents*")] or path.rglob("*tfevents*")})
        if not folders:
            raise ValueError(f"{path} is a folder without TensorBoard event files; give a file, or the folder of one run")
        if len(folders) > 1:
            names = _listed([str(folder.relative_to(path)) for folder in folders])
            raise ValueError(f"{path} holds the event files of several runs; give the folder of one of them: {names}")
        path = folders[0]
    events = EventAccumulator(str(path), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    rows: dict[int, dict[str, Any]] = {}
    for tag in events.Tags()["scalars"]:
        for scalar in events.Scalars(tag):
            rows.setdefault(scalar.step, {"step": scalar.step})[tag] = scalar.value
    for tag in events.Tags()["tensors"]:  # where TensorFlow 2 keeps its scalars
        for event in events.Tensors(tag):
            array = make_ndarray(event.tensor_proto)
            if array.size == 1 and array.dtype.kind in "fiu":
                rows.setdefault(event.step, {"step": event.step})[tag] = float(array.item())
    if not rows:
        raise ValueError(f"{path} holds no scalars that TensorBoard can read; give the event files of a run that logged its loss")
    return [rows[step] for step in sorted(rows)]


def _json(path: Path, text: str) -> tuple[str, list[dict[str, Any]]]:
    try:
        data = json.loads(text)
    except ValueError:
        return "JSON lines", _json_lines(path, text)
    if isinstance(data, dict):
        if isinstance(data.get("log_history"), list):
            return "Hugging Face trainer state", [row for row in data["log_history"] if isinstance(row, dict)]
        if isinstance(data.get("columns"), dict) and "config" in data:
            return "a run of this course", [data]
        tables = [rows for rows in data.values() if isinstance(rows, list) and rows and all(isinstance(r, dict) for r in rows)]
        if len(tables) == 1:
            return "JSON", tables[0]
        columns = {name: list(cells.values()) if isinstance(cells, dict) else cells for name, cells in data.items()}
        if columns and all(isinstance(cells, list) for cells in columns.values()):
            longest = max(map(len, columns.values()))
            return "JSON", [{name: cells[i] for name, cells in columns.items() if i < len(cells)} for i in range(longest)]
        return "JSON lines", [data]
    if data and all(isinstance(row, dict) for row in data):
        return "JSON", data
    raise ValueError(f"{path} is JSON, but neither a list of records nor a table of columns; give {_FORMATS}")


def _json_lines(path: Path, text: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for number, line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            if rows and number == lines[-1][0]:
                break  # the run was writing it, or was stopped while it did
            raise ValueError(f"line {number} of {path} is not JSON; give {_FORMATS}") from None
        if isinstance(row, dict):
            rows.append(row)
    if not rows:
        raise ValueError(f"{path} holds no JSON records; give {_FORMATS}")
    return rows


def _csv(path: Path, text: str) -> list[dict[str, Any]]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    delimiter = max(",;\t|", key=lines[0].count) if lines else ","
    if not lines or (delimiter not in lines[0] and len(lines) < 2):
        raise ValueError(f"{path} holds no table; give {_FORMATS}")
    header, *cells = csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter)
    if any(re.search(r"loss\W{1,3}\d", name) for name in header):
        raise ValueError(f"{path} is what a trainer printed, and no table; give {_FORMATS}")
    if any(_number(name) is not None for name in header):
        raise ValueError(f"{path} has no line of column names; put one first, such as step{delimiter}loss")
    if delimiter == ";":  # where a comma is the decimal point
        cells = [[cell.replace(",", ".") for cell in row] for row in cells]
    header = [f"{name} ({header[:i].count(name) + 1})" if name in header[:i] else name for i, name in enumerate(header)]
    return [dict(zip(header, row)) for row in cells] or [dict.fromkeys(header)]


def _flat(row: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """The cells of a record, those of records within it under ``outer/inner``."""
    for name, cell in row.items():
        if isinstance(cell, Mapping):
            yield from _flat(cell, f"{prefix}{name}/")
        elif not isinstance(cell, list):
            yield f"{prefix}{name}", cell


def _number(cell: Any) -> float | None:
    """What a cell holds; None if it is empty or no number."""
    if isinstance(cell, str):
        if cell.strip().lower() in _MISSING:
            return None
        cell = {"true": 1.0, "false": 0.0}.get(cell.strip().lower(), cell)
    try:
        return None if cell is None else float(cell)
    except (TypeError, ValueError):
        return None


# which column is what


def _words(name: str) -> tuple[str, ...]:
    """The words of a column's name: ``"my run - train/gradNorm"`` is train, grad, norm."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rpartition(" - ")[2])
    return tuple(re.findall(r"[a-z]+|\d+", name.lower()))


def _run_name(name: str) -> str:
    """The run that a column of a Weights & Biases chart belongs to; empty elsewhere."""
    return name.rpartition(" - ")[0]


def _is_loss(words: Sequence[str]) -> bool:
    if words in (("cross", "entropy"), ("nll",)):
        return True
    return any(word.endswith("loss") for word in words) and not _NO_LOSS & set(words)


def _loss_rank(name: str) -> int | None:
    """How well a name says that its column is the training loss, 0 best; None if it does not."""
    words = _words(name)
    if not _is_loss(words):
        return None
    rest = set(words) - {"loss"}
    if rest & _HELD_OUT:
        return _OF_HELD_OUT
    return 0 if not rest else 1 if rest <= _TRAINING | {"trainloss"} else 2 if rest <= _TRAINING | _PLAIN else 3


def _loss_column(path: Path, found: Sequence[str], table: Sequence[Row], asked: str | None, notes: list[str]) -> str:
    counts = {name: sum(name in row for row in table) for name in found}
    if asked is not None:
        same = [name for name in found if name == asked] or [name for name in found if _words(name) == _words(asked)]
        if len(same) != 1:
            raise ValueError(f"loss is {asked!r}; the columns of {path} are {_listed(found)}")
        if not counts[same[0]]:
            raise ValueError(f"column {asked!r} of {path} holds no numbers; its columns are {_listed(found)}")
        return same[0]
    ranks = {name: rank for name in found if (rank := _loss_rank(name)) is not None}
    if not found:
        raise ValueError(f"{path} holds no records; give a log with a loss in it")
    if not ranks:
        raise ValueError(f"{path} has no column of losses; name one of its columns (--loss COLUMN): {_listed(found)}")
    if not any(counts[name] for name in ranks):
        raise ValueError(f"{path} has no losses: of its columns {_listed(found)} none that a loss is named after holds a number")
    ranks = {name: rank for name, rank in ranks.items() if counts[name]}
    if any(counts[name] > 1 for name in ranks):  # the mean over the whole run, which some trainers log at the end, is no curve
        ranks = {name: rank for name, rank in ranks.items() if counts[name] > 1}
    best = sorted((name for name in ranks if ranks[name] == min(ranks.values())), key=lambda name: -counts[name])
    several_runs = len({_run_name(name) for name in best}) > 1
    if len(best) > 1 and (several_runs or counts[best[0]] < 2 * counts[best[1]]):
        raise ValueError(f"{path} has several columns that could be the loss; choose with --loss COLUMN: {_listed(best)}")
    others = [name for name, rank in ranks.items() if name != best[0] and rank < _OF_HELD_OUT]
    if ranks[best[0]] == _OF_HELD_OUT:
        notes.append(f"There is no training loss; {best[0]!r} is a loss on data that is held out.")
    if others:
        notes.append(f"{best[0]!r} was taken as the loss, and not {_listed(others, 'or')}; --loss COLUMN chooses another.")
    return best[0]


def _other_columns(found: Sequence[str], table: Sequence[Row], loss: str) -> dict[str, str]:
    """Measurement -> column, those of another run's chart left out."""
    filled = [
        name for name in found if name != loss and _run_name(name) in ("", _run_name(loss)) and any(name in r for r in table)
    ]
    words = {name: " ".join(_words(name)) for name in filled}
    taken = {}
    for measurement, aliases in MEASUREMENTS.items():
        named = [name for name in filled if words[name] in aliases]
        if named:
            taken[measurement] = min(named, key=lambda name: aliases.index(words[name]))
    return taken


# steps


def _has_loss(row: Row, loss: str) -> bool:
    """Whether a row is one of training: some trainers write NaN as the training loss of an evaluation."""
    held_out = (cell for name, cell in row.items() if name != loss and _loss_rank(name) == _OF_HELD_OUT)
    return loss in row and not (math.isnan(row[loss]) and any(map(math.isfinite, held_out)))


def _merged(table: Sequence[Row], taken: Mapping[str, str]) -> list[Row]:
    """Rows of the same step that follow each other and agree in what is taken, as one."""
    step, names = taken.get("step"), set(taken.values())
    merged: list[Row] = []
    for row in table:
        last = merged[-1] if merged else {}
        same = step in row and last.get(step) == row[step]
        if same and all(last.get(name, row[name]) == row[name] for name in names & set(row)):
            merged[-1] = last | row
        else:
            merged.append(row)
    return merged


def _steps(rows: Sequence[Row], taken: dict[str, str], found: Sequence[str], notes: list[str]) -> list[int]:
    """The step of every row; the row's number where the file does not say, or counts anew in every epoch."""
    source = taken.get("step")
    given = [row.get(source, math.nan) for row in rows] if source else []
    if not given or not all(map(math.isfinite, given)):
        taken.pop("step", None)
        notes.append("No column gives the step of every loss; the losses are numbered in their order.")
        return list(range(len(rows)))
    steps = [int(value) for value in given]
    back = [i for i in range(1, len(steps)) if steps[i] <= steps[i - 1]]
    epoch = next((name for name in found if _words(name)[-1:] in (("epoch",), ("epochs",))), None)
    if back and epoch and all(rows[i].get(epoch, math.nan) > rows[i - 1].get(epoch, math.nan) for i in back):
        notes.append(f"{source!r} begins anew with every {epoch!r}; the losses are numbered in their order.")
        return list(range(len(rows)))
    return steps


def _last_pass(rows: list[Row], steps: list[int], notes: list[str]) -> tuple[list[Row], list[int]]:
    """Where a log goes back, as after a restart, what it held from there on before is left out."""
    kept: list[int] = []
    restarts = repeats = 0
    for i, step in enumerate(steps):
        if kept and step <= steps[kept[-1]]:
            repeats += step == steps[kept[-1]]
            restarts += step < steps[kept[-1]]
            while kept and steps[kept[-1]] >= step:
                kept.pop()
        kept.append(i)
    if restarts:
        times = "once" if restarts == 1 else f"{restarts} times"
        notes.append(f"The log goes back {times}, as after a restart; what it held from there on before is left out.")
    if repeats:
        notes.append(f"Steps that follow themselves: {repeats}; of each the last loss counts.")
    return [rows[i] for i in kept], [steps[i] for i in kept]


def _listed(names: Sequence[str], last: str = "and") -> str:
    shown = [repr(name) for name in names[:_SHOWN]]
    if len(names) > _SHOWN:
        shown.append(f"{len(names) - _SHOWN} more")
    return f" {last} ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)
