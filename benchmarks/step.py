"""A training step: the course's loop with all it measures, against a bare loop on the same model, a loop shaped like nanoGPT's,
and the model's matrix products alone. All on one thread, with AdamW and gradients clipped at 1.0.
"""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks import timing
from stabilitylab.training import corpus
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig

SHAPES = {
    "width 32, 4 layers, 8 x 32 bytes": RunConfig(model=ModelConfig(layers=4, width=32, heads=2, context=32), batch_size=8),
    "width 32, 24 layers, 4 x 32": RunConfig(model=ModelConfig(layers=24, width=32, heads=2, context=32), batch_size=4),
    "width 128, 4 layers, 16 x 64": RunConfig(model=ModelConfig(layers=4, width=128, heads=4, context=64), batch_size=16),
    "width 256, 4 layers, 16 x 64": RunConfig(model=ModelConfig(layers=4, width=256, heads=4, context=64), batch_size=16),
}
ROUNDS = 40
ROUND_SECONDS = 0.1
LR, CLIP = 1e-3, 1.0


def measure() -> list[dict[str, Any]]:
    """For each shape: milliseconds a step (median over rounds), and ratios (median over rounds of the paired ratio)."""
    torch.set_num_threads(1)
    rows = []
    for name, config in SHAPES.items():
        loops: dict[str, Iterator[Any]] = {"ours": ours(config), "bare": bare(config), "nano": nano(config)}
        work: dict[str, Callable[[], object]] = {label: loop.__next__ for label, loop in loops.items()}
        work["products"] = products(config)
        steps = max(1, round(ROUND_SECONDS / max(timing.in_turns(work, 3)["ours"])))  # the first are warm-up
        repeated = {label: _repeat(do, steps) for label, do in work.items()}
        seconds = timing.in_turns(repeated, ROUNDS, time.process_time)
        row: dict[str, Any] = {"shape": name}
        row |= {f"{label}_ms": statistics.median(found) / steps * 1e3 for label, found in seconds.items()}
        row |= {f"ours_over_{label}": timing.ratio(seconds, "ours", label) for label in ("bare", "nano", "products")}
        rows.append(row)
    return rows


def _repeat(do: Callable[[], object], times: int) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(times):
            do()

    return repeated


def ours(config: RunConfig) -> Iterator[Any]:
    """The course's loop."""
    return Trainer(config.replace(optimizer="adamw", lr=LR, clip_norm=CLIP, steps=10**6)).steps()


def bare(config: RunConfig) -> Iterator[None]:
    """The same model, optimizer and batches in a loop that measures nothing but the loss."""
    trainer = Trainer(config.replace(optimizer="adamw", lr=LR, clip_norm=CLIP))
    for step in itertools.count():
        inputs, targets = trainer.batches(step)
        trainer.optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(trainer.model(inputs).flatten(0, 1), targets.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(trainer.parameters, CLIP)
        trainer.optimizer.step()
        loss.item()
        yield


class _Block(nn.Module):
    """GPT-2's block as nanoGPT has it: fused attention, one projection for queries, keys and values."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.projection = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.qkv(self.norm1(x)).split(width, dim=2)
        )
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, K)
        x = x + self.projection(mixed.transpose(1, 2).contiguous().view(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class _Nano(nn.Module):
    def __init__(self, shape: ModelConfig):
        super().__init__()
        self.bytes, self.positions = nn.Embedding(256, shape.width), nn.Embedding(shape.context, shape.width)
        self.blocks = nn.ModuleList(_Block(shape.width, shape.heads) for _ in range(shape.layers))
        self.norm, self.head = nn.LayerNorm(shape.width), nn.Linear(shape.width, 256, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.bytes(inputs) + self.positions(torch.arange(inputs.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def nano(config: RunConfig) -> Iterator[None]:
    """A loop of nanoGPT's shape (github.com/karpathy/nanoGPT): its model, its way of drawing a batch, AdamW as it is made on a
    CPU, and the loss read at every step, as ours is."""
    model = _Nano(config.model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LR)
    text, length = corpus.load(config.text).train, config.model.context
    while True:
        starts = torch.randint(len(text) - length, (config.batch_size,)).tolist()
        inputs = torch.stack([text[i : i + length] for i in starts])
        targets = torch.stack([text[i + 1 : i + 1 + length] for i in starts])
        logits = model(inputs)
        loss = F.cross_entropy(logits.view(-1, 256), targets.view(-1))
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        yield


def products(config: RunConfig) -> Callable[[], None]:
    """The matrix products of one step, forward and backward, and nothing else: what is left if all the rest were free."""
    shape, rows = config.model, config.batch_size * config.model.context
    width, heads = shape.width, config.batch_size * shape.heads
    linear = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)] * shape.layers + [(width, 256)]
    pairs = []
    for inputs, outputs in linear:
        x, w, g = torch.randn(rows, inputs), torch.randn(inputs, outputs), torch.randn(rows, outputs)
        pairs += [(x, w), (g, w.T), (x.T, g)]
    for _ in range(shape.layers):
        q, a = torch.randn(heads, shape.context, width // shape.heads), torch.randn(heads, shape.context, shape.context)
        # logits and mixed values; each has two products in the backward pass
        pairs += [(q, q.mT), (a, q), (a, q), (a.mT, q), (a.mT, q), (q, q.mT)]

    def multiply() -> None:
        for one, other in pairs:
            one @ other

    return multiply
