"""What is measured at every step of a run, and the record of a whole run.

Panels, progress bars, plots, detectors and files all consume the same stream of ``StepRecord``.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch._utils import _flatten_dense_tensors

from stabilitylab.training import logs
from stabilitylab.training.corpus import VOCABULARY
from stabilitylab.training.model import Transformer


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One training step.

    Attributes:
        step: counted from 0; ``loss`` of step 0 is that of the untrained model.
        loss: mean cross-entropy of this step's batch, in nats per byte, before its update.
        lr: learning rate of this step's update.
        grad_norm: global L2 norm of all gradients (after unscaling), before clipping.
        clipped_norm: the same after clipping; equal where there is none.
        clipped: whether clipping made the norm smaller.
        update_ratio: L2 norm of this step's change of all parameters over the L2 norm of the parameters.
        max_attention_logit: largest attention logit over all layers, heads and positions.
        nonfinite_fraction: share of gradient elements that are inf or NaN, after unscaling.
        flushed_fraction: share of weight-gradient elements that are exactly zero in a half-precision run, where they were
            flushed; 0.0 in fp32. Embedding tables are left out: the rows of absent bytes are zero anyway.
        loss_scale: what the loss was multiplied by before the backward pass.
        skipped: whether the loss scaler asked for this update to be skipped.
        tokens: bytes trained on so far, this step included.
        seconds: wall time since the run began.
    """

    step: int
    loss: float
    lr: float
    grad_norm: float
    clipped_norm: float
    clipped: bool
    update_ratio: float
    max_attention_logit: float
    nonfinite_fraction: float
    flushed_fraction: float
    loss_scale: float
    skipped: bool
    tokens: int
    seconds: float

    @property
    def nonfinite(self) -> bool:
        """Whether this step's loss, or a gradient that was applied, was inf or NaN."""
        return not math.isfinite(self.loss) or (self.nonfinite_fraction > 0 and not self.skipped)


COLUMNS = tuple(field.name for field in dataclasses.fields(StepRecord))


@dataclass(frozen=True)
class Run:
    """A finished (or stopped) run: its label, its settings as plain data, and its steps.

    Attributes:
        label: what figures call it, such as the arm of an experiment.
        config: the run's settings as a dictionary (``training.RunConfig.to_dict``), seed included.
        records: one per step.
        unigram: the corpus's unigram entropy in nats per byte, the reference line of ``diagnosis`` and ``plots``; NaN if unknown.
        bigram: the corpus's bigram entropy; NaN if unknown.
        vocabulary: how many tokens the model chooses between, default the 256 bytes; None if unknown.
    """

    label: str
    config: dict[str, Any]
    records: Sequence[StepRecord]
    unigram: float
    bigram: float
    vocabulary: int | None = VOCABULARY

    @property
    def uniform(self) -> float:
        """Loss in nats per token of a model that knows nothing, every token equally likely; NaN if the vocabulary is unknown."""
        return math.log(self.vocabulary) if self.vocabulary else math.nan

    def column(self, name: str) -> list[float]:
        """One measurement over all steps, such as ``run.column("loss")``.

        Raises:
            ValueError: if there is no such measurement.
        """
        if name not in COLUMNS:
            raise ValueError(f"name is {name!r}; a record holds {', '.join(COLUMNS)}")
        return [getattr(record, name) for record in self.records]

    @property
    def seed(self) -> int:
        return self.config["seed"]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: settings, references, and one list per column. inf and NaN become strings."""
        columns = {name: [_plain(value) for value in self.column(name)] for name in COLUMNS}
        data: dict[str, Any] = {
            "label": self.label,
            "config": self.config,
            "unigram": _plain(self.unigram),
            "bigram": _plain(self.bigram),
        }
        if self.vocabulary != VOCABULARY:  # runs of bytes were recorded before there were others
            data["vocabulary"] = self.vocabulary
        return data | {"columns": columns}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Run:
        """The inverse of ``to_dict``; columns that were not kept are NaN (or False, or 0), references NaN."""
        columns = data["columns"]
        length = len(columns["step"])
        kinds = {"bool": bool, "int": int, "float": float}
        defaults = {"bool": False, "int": 0, "float": math.nan}
        values = [
            [kinds[str(field.type)](v) for v in columns[field.name]]
            if field.name in columns
            else [defaults[str(field.type)]] * length
            for field in dataclasses.fields(StepRecord)
        ]
        records = [StepRecord(*row) for row in zip(*values)]
        unigram, bigram = (float(data.get(name, math.nan)) for name in ("unigram", "bigram"))
        return cls(data["label"], data["config"], records, unigram, bigram, data.get("vocabulary", VOCABULARY))

    @classmethod
    def read(cls, path: str | Path, loss: str | None = None, vocabulary: int | None = None, unigram: float | None = None) -> Run:
        """A run from the log of any trainer; ``training.logs`` says which files it reads.

        Args:
            path: CSV, JSON lines, TensorBoard event files, a ``trainer_state.json``, a Weights & Biases export.
            loss: the column of the training loss, default the one whose name says so.
            vocabulary: how many tokens the model chooses between, default unknown.
            unigram: unigram entropy of the text in nats per token, default unknown.

        Raises:
            ValueError: if the file cannot be read as a log, or a reference cannot be one.
            FileNotFoundError: if there is no such file.
        """
        return cls.from_log(logs.read(path, loss), vocabulary, unigram)

    @classmethod
    def from_log(cls, log: logs.Log, vocabulary: int | None = None, unigram: float | None = None) -> Run:
        """The run in a log that was read; see ``read``. Of a run of this course its own references are kept."""
        if vocabulary is not None and vocabulary < 2:
            raise ValueError(f"vocabulary is {vocabulary}; it is the number of tokens the model chooses between, 2 or more")
        if unigram is not None and not 0 < unigram < math.inf:
            raise ValueError(f"unigram is {unigram}; it is an entropy in nats per token, above 0")
        data: dict[str, Any] = {"label": log.path.resolve().stem, "config": {}, "columns": log.columns, "vocabulary": None}
        if log.run is not None:
            data = dict(log.run)
        if vocabulary is not None:
            data["vocabulary"] = vocabulary
        if unigram is not None:
            data["unigram"] = unigram
        return cls.from_dict(data)


def _plain(value: float) -> float | str:
    """JSON has no inf and no NaN; ``float()`` reads these strings back."""
    return value if math.isfinite(value) else repr(value)


def global_norm(tensors: Sequence[Tensor]) -> float:
    """L2 norm over all elements of all tensors; 0.0 for none.

    One that overflows fp32 is computed again in float64, which is several times slower: only elements that are themselves
    inf or NaN make it inf or NaN.
    """
    return norm_of_row(in_one_row(tensors)) if tensors else 0.0


def in_one_row(tensors: Sequence[Tensor]) -> Tensor:
    """All elements of all tensors, at least one, of one dtype. At the lessons' shapes this copy costs less than one call for each
    tensor. A single tensor is not copied."""
    return _flatten_dense_tensors(tensors)


BLOCK = 1024


def norm_of_row(row: Tensor) -> float:
    """``global_norm`` of the elements (N,) of a row."""
    whole = len(row) // BLOCK * BLOCK
    for dtype in (torch.float32, torch.float64):
        # a norm of norms: one sum over all elements would lose digits in fp32
        norms = torch.linalg.vector_norm(row[:whole].view(-1, BLOCK), dim=1, dtype=dtype)  # (whole / BLOCK,)
        norm = torch.linalg.vector_norm(torch.cat([norms, row[whole:].to(dtype)])).item()
        if math.isfinite(norm):
            break
    return norm


def gradients(parameters: Iterable[Tensor]) -> list[Tensor]:
    """The gradients that exist."""
    return [p.grad for p in parameters if p.grad is not None]


def nonfinite_fraction(tensors: Sequence[Tensor]) -> float:
    """Share of elements that are inf or NaN."""
    return sum(int((~t.isfinite()).sum()) for t in tensors) / max(1, sum(t.numel() for t in tensors))


def zero_fraction(tensors: Sequence[Tensor]) -> float:
    """Share of elements that are exactly zero."""
    return sum(int((t == 0).sum()) for t in tensors) / max(1, sum(t.numel() for t in tensors))


class StepMeter:
    """Measures the steps of a training loop: the loop says what it has just done, and this looks.

    Args:
        model: whose gradients and weights are looked at.
        half_precision: whether gradients may have been flushed to zero, so that zeros are counted.
    """

    def __init__(self, model: Transformer, half_precision: bool):
        self._model = model
        self._parameters = list(model.parameters())
        self._matrices = [m.weight for m in model.modules() if isinstance(m, nn.Linear)] if half_precision else []
        self._before = in_one_row(self._parameters).detach()
        self._tokens = 0
        self._start = time.perf_counter()

    def backward_done(self) -> None:
        """The gradients are there, unscaled, and nothing has changed them yet."""
        grads = gradients(self._parameters)
        self._norm = self._clipped_norm = global_norm(grads)
        self._nonfinite = 0.0 if self._norm < math.inf else nonfinite_fraction(grads)
        self._flushed = zero_fraction(gradients(self._matrices))

    def clip_done(self) -> None:
        """A clip function ran; what it says of itself is not asked."""
        self._clipped_norm = global_norm(gradients(self._parameters))

    @torch.no_grad()
    def record(self, step: int, loss: float, *, lr: float, loss_scale: float, skipped: bool, tokens: int) -> StepRecord:
        """The record of a step that is done.

        Args:
            step: its number, from 0.
            loss: of its batch, in nats per byte.
            lr: the learning rate of its update.
            loss_scale: what the loss was multiplied by.
            skipped: whether the update was left out.
            tokens: bytes in its batch.
        """
        now = in_one_row(self._parameters)
        update_norm = norm_of_row(self._before.sub_(now))
        parameter_norm = norm_of_row(now)
        self._before = now
        self._tokens += tokens
        return StepRecord(
            step=step,
            loss=loss,
            lr=lr,
            grad_norm=self._norm,
            clipped_norm=self._clipped_norm,
            clipped=self._clipped_norm < self._norm * (1 - 1e-6),
            update_ratio=update_norm / parameter_norm if parameter_norm else math.inf,
            max_attention_logit=self._model.max_attention_logit(),
            nonfinite_fraction=self._nonfinite,
            flushed_fraction=self._flushed,
            loss_scale=loss_scale,
            skipped=skipped,
            tokens=self._tokens,
            seconds=time.perf_counter() - self._start,
        )


def gradient_norm_by_layer(model: Transformer) -> list[float]:
    """L2 norm of each block's gradients, first layer first, after a backward pass."""
    return [global_norm(gradients(block.parameters())) for block in model.blocks]


@torch.no_grad()
def input_share(model: Transformer, inputs: Tensor) -> float:
    """How much of the last block's output depends on the input, between 0 and 1.

    The variance of the output over all tokens, over its mean square: 0 if the model computes the same vector whatever it reads,
    near 1 if nothing is common to all tokens.

    Args:
        model: its last block is looked at.
        inputs: byte values (batch, length).
    """
    seen: list[Tensor] = []
    handle = model.blocks[-1].register_forward_hook(lambda module, arguments, output: seen.append(output))
    try:
        model(inputs)
    finally:
        handle.remove()
    tokens = seen[0].flatten(0, 1).float()
    return (tokens.var(dim=0, correction=0).sum() / tokens.square().mean(dim=0).sum()).item()
