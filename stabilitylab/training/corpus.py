"""Real English text as byte-level training batches, without a download.

The default corpus is the prose of Python's language reference, a file of 465 kB in ``data/corpus``; any UTF-8 file can take its
place. A *batch source* is a plain function from a step number to a batch. It keeps no state: step 60 of seed 3 is the same batch
whether the run started at step 0, was resumed at step 59 or skipped half its data, and two arms of an experiment see the same
text at the same step.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from stabilitylab import workspace

VOCABULARY = 256
"""Every model here reads and writes bytes."""

PYTHON_REFERENCE = workspace.DATA / "corpus" / "python_reference.txt"
PYTHON_REFERENCE_SHA256 = "2a95af4ac93f5b719944030ce3769070ddf827d847cba42192afa8da989e5dc4"

_SEED_STRIDE = 1_000_003  # a prime wider than any run, so that (seed, step) pairs do not share a stream
_MAX_REDRAWS = 100


class Batch(NamedTuple):
    """One training batch of ``batch_size`` rows of ``context`` bytes.

    Attributes:
        inputs: int64 tensor (batch_size, context), byte values 0..255.
        targets: int64 tensor of the same shape, the byte that follows each input.
    """

    inputs: Tensor
    targets: Tensor


BatchSource = Callable[[int], Batch]
"""Maps a step number (from 0) to that step's batch; the same step always gives the same batch."""


class Corpus:
    """A text as bytes, split into a training part and a held-out tail.

    Args:
        data: the text's bytes; at least 1000.
        name: what figures and records call it.
        validation_fraction: the share at the end that is held out, default 0.1.

    Raises:
        ValueError: if the text is too short or the fraction is not between 0 and 1.
    """

    def __init__(self, data: bytes, name: str, validation_fraction: float = 0.1):
        if len(data) < 1000:
            raise ValueError(f"data holds {len(data)} bytes; a corpus needs at least 1000")
        if not 0 < validation_fraction < 1:
            raise ValueError(f"validation_fraction is {validation_fraction}; choose a share between 0 and 1, such as 0.1")
        tokens = torch.frombuffer(bytearray(data), dtype=torch.uint8).long()
        held_out = max(1, int(len(data) * validation_fraction))
        self.name = name
        self.sha256 = hashlib.sha256(data).hexdigest()
        self.train = tokens[:-held_out]
        self.validation = tokens[-held_out:]

    @classmethod
    def from_file(cls, path: str | Path, validation_fraction: float = 0.1) -> Corpus:
        """Reads any UTF-8 text file.

        Raises:
            ValueError: if the file is not UTF-8, naming the offending byte's place.
        """
        path = Path(path)
        data = path.read_bytes()
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8 first") from None
        return cls(data, path.stem, validation_fraction)

    @cached_property
    def byte_counts(self) -> Tensor:
        """How often each byte occurs in the training part: int64 tensor (256,)."""
        return torch.bincount(self.train, minlength=VOCABULARY)

    @cached_property
    def unigram_entropy(self) -> float:
        """Nats per byte of the best guess that ignores all context: the loss of a model that has learned only byte counts."""
        p = self.byte_counts.double() / len(self.train)
        return float(torch.special.entr(p).sum())

    @cached_property
    def bigram_entropy(self) -> float:
        """Nats per byte of the best guess from the previous byte alone, counted on the training part."""
        pairs = torch.bincount(self.train[:-1] * VOCABULARY + self.train[1:], minlength=VOCABULARY**2).double()
        joint = pairs / pairs.sum()
        previous = joint.view(VOCABULARY, VOCABULARY).sum(dim=1)
        return float(torch.special.entr(joint).sum() - torch.special.entr(previous).sum())

    def rarest_bytes(self, count: int) -> Tensor:
        """The ``count`` byte values seen least often in training: int64 tensor (count,)."""
        return self.byte_counts.argsort(stable=True)[:count]

    def batches(
        self, batch_size: int, context: int, seed: int, *, split: str = "train", min_distinct_bytes: int = 0
    ) -> BatchSource:
        """Random windows of the text, one independent draw per (seed, step).

        Args:
            batch_size: rows in a batch.
            context: bytes in a row.
            seed: draws of different seeds are independent; the same seed repeats exactly.
            split: ``"train"`` or ``"validation"``.
            min_distinct_bytes: redraw rows with fewer distinct bytes than this, 0 (default) keeps all. The text
                holds rules such as ``=====`` whose rows are trivially easy and jolt a small batch: 4 drops them.

        Raises:
            ValueError: if the split is unknown, or shorter than one row.
        """
        if split not in ("train", "validation"):
            raise ValueError(f"split is {split!r}; choose 'train' or 'validation'")
        tokens = self.train if split == "train" else self.validation
        if len(tokens) <= context:
            raise ValueError(f"context is {context}, but the {split} text of {self.name} has only {len(tokens)} bytes")
        window = torch.arange(context + 1)

        def rows(count: int, generator: torch.Generator) -> Tensor:
            starts = torch.randint(len(tokens) - context, (count, 1), generator=generator)
            return tokens[starts + window]

        def batch(step: int) -> Batch:
            generator = torch.Generator().manual_seed(seed * _SEED_STRIDE + step)
            drawn = rows(batch_size, generator)
            redraws = 0
            while min_distinct_bytes and (poor := distinct_bytes(drawn) < min_distinct_bytes).any():
                if redraws == _MAX_REDRAWS:
                    raise ValueError(
                        f"min_distinct_bytes is {min_distinct_bytes}, but hardly a row of {self.name} has so many; lower it"
                    )
                drawn[poor] = rows(int(poor.sum()), generator)
                redraws += 1
            return Batch(drawn[:, :-1], drawn[:, 1:])

        return batch


def distinct_bytes(rows: Tensor) -> Tensor:
    """How many different byte values each row holds: int64 tensor (rows,) from an int64 tensor (rows, length)."""
    ordered = rows.sort(dim=1).values
    return 1 + (ordered.diff(dim=1) != 0).sum(dim=1)


@lru_cache(maxsize=1)
def python_reference() -> Corpus:
    """The default corpus: Python's language reference as CPython 3.11.7 ships it, see ``data/corpus/README.md``.

    Raises:
        ValueError: if the file is not the text that the recorded evidence was made with.
    """
    data = PYTHON_REFERENCE.read_bytes()
    corpus = Corpus(data, "python-reference")
    if corpus.sha256 != PYTHON_REFERENCE_SHA256:
        raise ValueError(
            f"{PYTHON_REFERENCE} is not the text that everything was recorded on (its SHA-256 begins {corpus.sha256[:12]}); "
            "get it back with: git checkout -- data/corpus"
        )
    return corpus


@lru_cache(maxsize=8)
def load(name: str | None = None) -> Corpus:
    """The corpus a run names: None for the default, otherwise the path of a UTF-8 file."""
    return python_reference() if name is None else Corpus.from_file(name)


PATHOLOGIES = ("repeated_byte", "one_label", "random_bytes", "shuffled_labels", "rare_document")


@dataclass(frozen=True)
class Injection:
    """Replaces the batches of some steps by a pathological one.

    Attributes:
        kind: ``"repeated_byte"``: one byte fills the whole batch; ``"one_label"``: real inputs, every target the same
            byte; ``"random_bytes"``: uniform noise; ``"shuffled_labels"``: real inputs, the batch's own targets in random
            order; ``"rare_document"``: text written in the 16 bytes the corpus uses least.
        steps: the steps to replace, counted from 0.

    Raises:
        ValueError: if the kind is unknown.
    """

    kind: str
    steps: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.kind not in PATHOLOGIES:
            raise ValueError(f"kind is {self.kind!r}; choose one of {', '.join(PATHOLOGIES)}")
        object.__setattr__(self, "steps", tuple(self.steps))


def inject(source: BatchSource, injections: Iterable[Injection], corpus: Corpus, seed: int) -> BatchSource:
    """A batch source with the given injections; steps outside them pass through untouched."""
    kinds = {step: injection.kind for injection in injections for step in injection.steps}
    if not kinds:
        return source

    def batch(step: int) -> Batch:
        clean = source(step)
        if step not in kinds:
            return clean
        return _pathological(kinds[step], clean, corpus, torch.Generator().manual_seed(-1 - seed * _SEED_STRIDE - step))

    return batch


def _pathological(kind: str, clean: Batch, corpus: Corpus, generator: torch.Generator) -> Batch:
    shape = clean.inputs.shape
    if kind == "shuffled_labels":
        order = torch.randperm(clean.targets.numel(), generator=generator)
        return Batch(clean.inputs, clean.targets.flatten()[order].view(shape))
    byte = int(corpus.rarest_bytes(1))
    if kind == "one_label":
        return Batch(clean.inputs, torch.full(shape, byte))
    if kind == "repeated_byte":
        return Batch(torch.full(shape, byte), torch.full(shape, byte))
    alphabet = torch.arange(VOCABULARY) if kind == "random_bytes" else corpus.rarest_bytes(16)
    rows = alphabet[torch.randint(len(alphabet), (shape[0], shape[1] + 1), generator=generator)]
    return Batch(rows[:, :-1], rows[:, 1:])
