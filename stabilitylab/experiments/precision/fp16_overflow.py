"""Numbers too large for fp16: where inf comes from, with real fp16 tensors and no training.

Settings were found on seeds 0-2, tolerances on seeds 20-39.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.precision.fp16_underflow import FP16
from stabilitylab.training.loop import Trainer
from stabilitylab.training.precision import StaticLossScaler
from stabilitylab.training.telemetry import gradients, nonfinite_fraction

TOKENS, HEAD_WIDTH = 64, 64
SPREAD = 60.0
"""Standard deviation of queries and keys: products near 8 x 60 x 60 = 28,800, and their largest beyond 65,504."""


def _queries_and_keys(seed: int, spread: float) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    q, k = (spread * torch.randn(TOKENS, HEAD_WIDTH, generator=generator) for _ in range(2))
    return q.half(), k.half()


def attend(q: Tensor, k: Tensor, *, scale_first: bool) -> dict[str, float]:
    """Shares of infinite logits and of NaN attention weights, the 1/sqrt(d) before or after the product."""
    root = math.sqrt(HEAD_WIDTH)
    logits = (q / root) @ k.T if scale_first else (q @ k.T) / root
    return {
        "infinite-logits": logits.isinf().float().mean().item(),
        "nan-weights": logits.softmax(dim=1).isnan().float().mean().item(),
    }


def clip_by_hand(grad: Tensor, norm: Tensor, max_norm: float = 1.0) -> float:
    """What is left of a gradient's norm after clipping with the norm that was measured, in fp32."""
    return (grad * (max_norm / (norm + 1e-6)).clamp(max=1.0).to(grad.dtype)).float().norm().item()


def norm_in(dtype: torch.dtype) -> dict[str, float]:
    """sqrt(sum(g * g)) of fp16 gradients in a precision, and what clipping at 1.0 with that norm leaves."""
    found = {}
    for name, size in (("large", 10.0), ("small", 1e-4)):
        grad = torch.full((1000,), size, dtype=torch.float16)
        norm = grad.to(dtype).square().sum().sqrt()
        found[f"norm-{name}"], found[f"clipped-{name}"] = norm.item(), clip_by_hand(grad, norm)
    return found


def torch_clip(dtype: torch.dtype) -> float:
    """Norm left by torch's own clipping at 1.0 of 10,000 gradients of 1000, stored in a precision: their norm is 100,000."""
    weight = nn.Parameter(torch.zeros(10_000, dtype=dtype))
    weight.grad = torch.full_like(weight, 1000.0)
    nn.utils.clip_grad_norm_([weight], 1.0)
    return weight.grad.float().norm().item()


def cross_entropy(dtype: torch.dtype) -> float:
    """Loss of a prediction whose logits, computed as 256 * 256 in a precision, belong to the wrong class."""
    row = torch.tensor([256.0, 1.0], dtype=dtype)
    return F.cross_entropy((row * row).float()[None], torch.tensor([1])).item()


def scaled_backward(seed: int, scale: float) -> float:
    """Share of gradient elements that are inf or NaN after one fp16 pass with the loss multiplied by the scale."""
    trainer = Trainer(FP16.replace(seed=seed, steps=1))
    scaler = StaticLossScaler(scale)
    scaler.scale(trainer.loss(*trainer.batches(0))).backward()
    return nonfinite_fraction(gradients(trainer.parameters))


def careless(seed: int) -> dict[str, float]:
    return {
        **attend(*_queries_and_keys(seed, SPREAD), scale_first=False),
        **norm_in(torch.float16),
        "torch-clipped": torch_clip(torch.float16),
        "loss": cross_entropy(torch.float16),
        "nonfinite": scaled_backward(seed, 2.0**24),
    }


def careful(seed: int) -> dict[str, float]:
    return {
        **attend(*_queries_and_keys(seed, SPREAD), scale_first=True),
        **norm_in(torch.float32),
        "torch-clipped": torch_clip(torch.float32),
        "loss": cross_entropy(torch.float32),
        "nonfinite": scaled_backward(seed, 2.0**12),
    }


def too_large(seed: int) -> dict[str, float]:
    """Logits beyond 65504 even after the division: no order of operations saves them, and bf16 does."""
    q, k = _queries_and_keys(seed, 8 * SPREAD)
    half, brain = (attend(q.to(dtype), k.to(dtype), scale_first=True) for dtype in (torch.float16, torch.bfloat16))
    return {**half, "bf16-infinite-logits": brain["infinite-logits"], "bf16-nan-weights": brain["nan-weights"]}


EXPERIMENT = Experiment(
    name="fp16-overflow",
    question="where do fp16 numbers overflow, and what does the overflow turn into?",
    arms={
        "careless": Measurement(careless, "logits divided after the product, norms and losses in fp16, loss scale 2^24"),
        "careful": Measurement(careful, "queries divided before the product, norms and losses in fp32, loss scale 2^12"),
        "too-large": Measurement(too_large, "queries and keys eight times as large, divided before the product"),
    },
    expectations={
        "order-decides": Expectation(
            (
                "The same queries and keys give infinite logits and NaN attention weights if the product is divided by sqrt(d), "
                "and none if the queries are."
            ),
            lambda r: (
                min(r["careless"]["infinite-logits"], r["careless"]["nan-weights"]) > 0
                and r["careful"]["infinite-logits"] == r["careful"]["nan-weights"] == 0
            ),
        ),
        "order-does-not-save-all": Expectation(
            "Queries and keys eight times as large overflow in that order too, and not in bf16.",
            lambda r: (
                min(r["too-large"]["infinite-logits"], r["too-large"]["nan-weights"]) > 0
                and r["too-large"]["bf16-infinite-logits"] == r["too-large"]["bf16-nan-weights"] == 0
            ),
        ),
        "norm-overflows": Expectation(
            "sqrt(sum(g * g)) of 1000 gradients of 10.0 is inf in fp16 and 316.2 in fp32.",
            lambda r: r["careless"]["norm-large"] == math.inf and abs(r["careful"]["norm-large"] - 316.2278) < 0.001,
        ),
        "clipping-then-erases": Expectation(
            "Clipping at 1.0 with the infinite norm leaves exactly nothing, and no NaN; with the right one it leaves norm 1.",
            lambda r: r["careless"]["clipped-large"] == 0 and abs(r["careful"]["clipped-large"] - 1) < 0.001,
        ),
        "norm-underflows": Expectation(
            "sqrt(sum(g * g)) of 1000 gradients of 1e-4 is 0 in fp16 and 0.00316 in fp32.",
            lambda r: r["careless"]["norm-small"] == 0 and abs(r["careful"]["norm-small"] - 0.0031623) < 1e-5,
        ),
        "torch-too": Expectation(
            "torch's own clip_grad_norm_ erases fp16 gradients whose norm is 100,000, and clips the same in fp32 to norm 1.",
            lambda r: r["careless"]["torch-clipped"] == 0 and abs(r["careful"]["torch-clipped"] - 1) < 0.001,
        ),
        "loss-is-infinite": Expectation(
            "A logit of 256 * 256 gives a loss that is not finite in fp16, and 65535 in fp32.",
            lambda r: not math.isfinite(r["careless"]["loss"]) and r["careful"]["loss"] == 65535,
        ),
        "scale-overflows": Expectation(
            "A loss scale of 2^24 makes inf or NaN of more than 1% of the first gradient, 2^12 of none.",
            lambda r: r["careless"]["nonfinite"] > 0.01 and r["careful"]["nonfinite"] == 0,
        ),
    },
    control=("careful", "careless"),
    quantities={
        "infinite-logits": Quantity("infinite attention logits, product divided", lambda r: r["careless"]["infinite-logits"]),
        "nan-weights": Quantity("NaN attention weights, product divided", lambda r: r["careless"]["nan-weights"]),
        "infinite-logits-first": Quantity(
            "infinite attention logits, queries divided", lambda r: r["careful"]["infinite-logits"]
        ),
        "infinite-logits-large": Quantity(
            "infinite attention logits, queries divided, eight times as large", lambda r: r["too-large"]["infinite-logits"]
        ),
        "norm-fp32": Quantity("norm of 1000 gradients of 10.0 in fp32", lambda r: r["careful"]["norm-large"]),
        "clipped-fp16": Quantity("norm after clipping with the fp16 norm", lambda r: r["careless"]["clipped-large"]),
        "torch-clipped": Quantity(
            "norm after torch's clipping of fp16 gradients of norm 100,000", lambda r: r["careless"]["torch-clipped"]
        ),
        "nonfinite": Quantity("inf or NaN in the first gradient, loss scale 2^24", lambda r: r["careless"]["nonfinite"]),
    },
    shows=(
        "inf begins wherever a sum of squares, a product or a scaled gradient passes 65504, and it does not stay inf: softmax "
        "makes NaN of it, and clipping by an infinite norm makes exact zeros, without a word. Divide the queries before the "
        "product, keep norms and losses in fp32."
    ),
    does_not_show=(
        "That attention logits of this size occur in a healthy model: the queries and keys are random and made large. Fused "
        "attention kernels keep the logits in fp32 and do not have the first problem."
    ),
)
