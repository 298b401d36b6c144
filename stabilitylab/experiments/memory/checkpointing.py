"""Gradient checkpointing: memory, gradients, operations and time of one training step (claim C12).

Memory is the peak of live tensor bytes in one forward and backward pass. Every storage that an operation creates is counted when
it appears and taken off when Python and autograd have let go of it; what a kernel uses inside is not seen. On these models the
peak agrees with that of the profiler's allocation events to 2%. Settings and tolerances were set on seeds 20-22; memory and
operations do not depend on the seed.
"""

from __future__ import annotations

import math
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop
from torch.utils.flop_counter import FlopCounterMode

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity, Results
from stabilitylab.training.corpus import load
from stabilitylab.training.model import ModelConfig, Transformer

DEPTHS = (2, 4, 8, 16)
COSTED = 4
"""Layers of the model whose operations and time are measured."""

ADAM = 2
"""Adam keeps two numbers per weight; they are allocated outside the step that is measured."""


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of all live storages; ``peak`` is the most there were at once."""

    def __init__(self, existing: list[Tensor]):
        super().__init__()
        self.live = self.peak = 0
        self.seen: weakref.WeakSet[torch.UntypedStorage] = weakref.WeakSet()
        for tensor in existing:
            self.count(tensor)

    def count(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        if storage not in self.seen:
            self.seen.add(storage)
            self.live += storage.nbytes()
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self.free, storage.nbytes())

    def free(self, nbytes: int) -> None:
        self.live -= nbytes

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        for value in tree_leaves(result):
            if isinstance(value, Tensor):
                self.count(value)
        return result


def build(seed: int, layers: int, width: int, checkpointed: bool) -> Transformer:
    """A fresh model; with checkpointing every block keeps its input only and is computed again in the backward pass."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Transformer(ModelConfig(layers=layers, width=width, context=64))
    if checkpointed:
        for block in model.blocks:
            block.forward = partial(checkpoint, block.forward, use_reentrant=False)  # type: ignore[method-assign]
    return model


def train_step(model: Transformer, inputs: Tensor, targets: Tensor) -> None:
    """Forward and backward."""
    F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten()).backward()


def memory(rows: int, width: int) -> Callable[[int], Mapping[str, float]]:
    """Peak bytes of a step at every depth, without and with checkpointing, and what the weights and Adam's state take."""

    def measure(seed: int) -> Mapping[str, float]:
        inputs, targets = load().batches(rows, 64, seed)(0)
        found: dict[str, float] = {}
        for layers in DEPTHS:
            gradients = []
            for name, checkpointed in (("plain", False), ("checkpointed", True)):
                model = build(seed, layers, width, checkpointed)
                parameters = list(model.parameters())
                weights = sum(p.numel() * p.element_size() for p in parameters)
                with LiveBytes([*parameters, *model.buffers(), inputs, targets]) as tensors:
                    train_step(model, inputs, targets)
                found[f"{name}-{layers}"] = tensors.peak - weights
                found[f"{name}-{layers}-total"] = tensors.peak + ADAM * weights
                gradients.append([p.grad for p in parameters])
            found[f"equal-{layers}"] = all(map(torch.equal, *gradients))
        return found

    return measure


def operations(run: Callable[[], Any]) -> int:
    """Floating-point operations of the matrix products in a call."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def cost(seed: int) -> Mapping[str, float]:
    """Operations of a step of 4 layers, and the best time of three rounds in turn."""
    torch.set_num_threads(1)
    inputs, targets = load().batches(16, 64, seed)(0)
    steps = {
        name: partial(train_step, build(seed, COSTED, 32, checkpointed), inputs, targets)
        for name, checkpointed in (("plain", False), ("checkpointed", True))
    }
    model = build(seed, COSTED, 32, checkpointed=False)
    found: dict[str, float] = {name: operations(step) for name, step in steps.items()}
    with set_checkpoint_early_stop(False):
        found["checkpointed-whole"] = operations(steps["checkpointed"])
    hidden = torch.zeros(16, 64, 32)
    found["blocks"] = COSTED * operations(lambda: model.blocks[0](hidden, model.future))
    found["last-products"] = COSTED * operations(lambda: model.blocks[0].mlp.out(torch.zeros(16, 64, 128)))
    found["forward"] = operations(lambda: model(inputs))
    for _ in range(3):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            found[f"{name}-ms"] = min(found.get(f"{name}-ms", math.inf), (time.perf_counter() - start) * 1e3)
    return found


def saving(r: Results, arm: str, layers: int) -> float:
    """How many times smaller the peak of a step is with checkpointing, weights left out."""
    return r[arm][f"plain-{layers}"] / r[arm][f"checkpointed-{layers}"]


def deeper(r: Results, arm: str) -> float:
    """How many times deeper a checkpointed model fits into the memory that 2 plain layers take, weights and Adam's state
    included."""
    return max([layers for layers in DEPTHS if r[arm][f"checkpointed-{layers}-total"] <= r[arm]["plain-2-total"]], default=1) / 2


EXPERIMENT = Experiment(
    name="checkpointing",
    question="what does gradient checkpointing save, and what does it cost?",
    arms={
        "activations": Measurement(memory(rows=8, width=32), "width 32, 8 rows of 64 bytes: activations fill the memory"),
        "weights": Measurement(memory(rows=1, width=64), "width 64, 1 row of 64 bytes: weights fill the memory"),
        "cost": Measurement(cost, "operations and time of 4 layers, width 32, 16 rows of 64 bytes"),
    },
    expectations={
        "gradients-are-equal": Expectation(
            "With and without checkpointing the gradients are equal to the last bit, at every depth.",
            lambda r: all(r[arm][f"equal-{layers}"] for arm in ("activations", "weights") for layers in DEPTHS),
        ),
        "saving-grows-with-depth": Expectation(
            "The saving grows with depth: under 3 times at 2 layers, over 3 at 4, over 4.5 at 8, over 6 at 16.",
            lambda r: (
                saving(r, "activations", 2) < 3
                and saving(r, "activations", 4) > 3
                and saving(r, "activations", 8) > 4.5
                and saving(r, "activations", 16) > 6
            ),
        ),
        "much-deeper-if-activations": Expectation(
            "Where activations fill the memory, 8 checkpointed layers fit where 2 plain ones did, Adam's state included.",
            lambda r: deeper(r, "activations") >= 4,
        ),
        "no-deeper-if-weights": Expectation(
            "Where weights fill it, not even 4 checkpointed layers fit where 2 plain ones did.",
            lambda r: deeper(r, "weights") < 2,
        ),
        "recomputes-the-blocks": Expectation(
            (
                "The extra operations are exactly those of the blocks' forward pass, less each block's last product, which "
                "nothing needs."
            ),
            lambda r: r["cost"]["checkpointed"] - r["cost"]["plain"] == r["cost"]["blocks"] - r["cost"]["last-products"],
        ),
        "without-early-stop-the-whole": Expectation(
            "With early stopping off they are exactly those of the blocks' forward pass.",
            lambda r: r["cost"]["checkpointed-whole"] - r["cost"]["plain"] == r["cost"]["blocks"],
        ),
        "operations-20-to-30": Expectation(
            "The extra operations are between 20% and 30% of a step.",
            lambda r: 1.2 < r["cost"]["checkpointed"] / r["cost"]["plain"] < 1.3,
        ),
        "takes-longer": Expectation(
            "A checkpointed step takes longer, and less than 3 times as long.",
            lambda r: r["cost"]["plain-ms"] < r["cost"]["checkpointed-ms"] < 3 * r["cost"]["plain-ms"],
        ),
    },
    control=("activations", "weights"),
    quantities={
        **{
            f"saving-{layers}": Quantity(
                f"peak of a step, weights left out, plain over checkpointed, {layers} layers",
                lambda r, layers=layers: saving(r, "activations", layers),
                "times",
            )
            for layers in DEPTHS
        },
        "deeper-activations": Quantity(
            "times deeper a model fits into the memory of 2 plain layers, where activations fill it",
            lambda r: deeper(r, "activations"),
            "times",
        ),
        "total-saving-weights": Quantity(
            "all memory of 16 layers, plain over checkpointed, where weights fill it",
            lambda r: r["weights"]["plain-16-total"] / r["weights"]["checkpointed-16-total"],
            "times",
        ),
        "total-saving-activations": Quantity(
            "the same where activations fill it",
            lambda r: r["activations"]["plain-16-total"] / r["activations"]["checkpointed-16-total"],
            "times",
        ),
        "extra-operations": Quantity(
            "extra operations over a plain step", lambda r: r["cost"]["checkpointed"] / r["cost"]["plain"] - 1
        ),
        "extra-operations-whole": Quantity(
            "the same with early stopping off", lambda r: r["cost"]["checkpointed-whole"] / r["cost"]["plain"] - 1
        ),
        "forward-share": Quantity(
            "forward pass's share of a plain step's operations", lambda r: r["cost"]["forward"] / r["cost"]["plain"]
        ),
        "extra-time": Quantity(
            "extra time over a plain step", lambda r: r["cost"]["checkpointed-ms"] / r["cost"]["plain-ms"] - 1
        ),
    },
    shows=(
        "A checkpointed step computes the blocks' forward pass twice: a fifth to a third more operations, the same gradients to "
        "the last bit. It saves activations only, and the more the deeper the model is. How much bigger a model fits is no "
        "constant: many times deeper where activations fill the memory, hardly at all where weights and Adam's state do."
    ),
    does_not_show=(
        "Memory as a GPU's allocator would see it, with its rounding and its caches. Checkpoints here are one per block; other "
        "spacings trade differently. The extra time is larger than the extra operations in these small models, whose time does "
        "not go into matrix products alone."
    ),
)
