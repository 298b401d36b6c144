"""What gradient clipping computes, checked in fp64 on random gradients (claims A3, C1, C2, E2).

Settings and tolerances were set on seeds 0-2: the facts are exact and the tolerances those of rounding.
"""

import math
from collections.abc import Callable, Iterable
from functools import partial

import torch
from torch import Tensor, nn

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity

SHAPES = ((64, 32), (128,), (32, 128))
SIZES = (1.0, 0.1, 0.02)
LIMIT = 1.0

Clip = Callable[[Iterable[nn.Parameter], float], object]


def gradients(seed: int) -> list[Tensor]:
    """Three tensors' gradients in fp64, of unequal size; their global norm is far above the limit."""
    generator = torch.Generator().manual_seed(seed)
    return [size * torch.randn(shape, generator=generator, dtype=torch.float64) for shape, size in zip(SHAPES, SIZES)]


def flat(tensors: Iterable[Tensor]) -> Tensor:
    return torch.cat([t.flatten() for t in tensors])


def clipped(clip: Clip, grads: list[Tensor]) -> Tensor:
    """All gradients after clipping at the limit, as one vector."""
    parameters = [nn.Parameter(torch.zeros_like(grad)) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = grad.clone()
    clip(parameters, LIMIT)
    return flat(parameter.grad for parameter in parameters if parameter.grad is not None)


def clip_each(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Every tensor clipped by its own norm."""
    for parameter in parameters:
        nn.utils.clip_grad_norm_(parameter, max_norm)


def rescale_always(parameters: Iterable[nn.Parameter], max_norm: float) -> None:
    """Every gradient brought to the limit, the short ones too."""
    grads = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norm = flat(grads).norm()
    for grad in grads:
        grad.mul_(max_norm / norm)


def measure(clip: Clip, norm: Callable[[list[Tensor]], Tensor], seed: int) -> dict[str, float]:
    """A clip function and a norm on long, short and broken gradients."""
    grads = gradients(seed)
    long = flat(grads)
    short = [0.9 * LIMIT * grad / long.norm() for grad in grads]
    after = clipped(clip, grads)
    broken = {}
    for name, value in (("nan", math.nan), ("inf", math.inf)):
        bad = [grad.clone() for grad in grads]
        bad[0][0, 0] = value
        result = clipped(clip, bad)
        broken[f"nan-after-{name}"] = result.isnan().double().sum().item()
        broken[f"zero-after-{name}"] = (result == 0).double().sum().item()
    million = torch.full((1_000_000,), 0.01, dtype=torch.float64)
    return {
        "cosine-error": 1 - (after @ long / (after.norm() * long.norm())).item(),
        "norm-after": after.norm().item(),
        "change-of-short": (clipped(clip, short) - flat(short)).abs().max().item(),
        "norm-over-true": (norm(grads) / long.norm()).item(),
        "million": norm([million]).item(),
        "elements": float(long.numel()),
        **broken,
    }


def norm_of_all(grads: list[Tensor]) -> Tensor:
    """Sum the squares over all tensors, then take one root."""
    return torch.stack([(grad**2).sum() for grad in grads]).sum().sqrt()


def sum_of_norms(grads: list[Tensor]) -> Tensor:
    """A root per tensor, then the sum."""
    return torch.stack([(grad**2).sum().sqrt() for grad in grads]).sum()


def root_of_sum(grads: list[Tensor]) -> Tensor:
    """The square forgotten."""
    return flat(grads).abs().sum().sqrt()


EXPERIMENT = Experiment(
    name="clipping-facts",
    question="what does clipping by the global norm do to a gradient, and what does it not?",
    arms={
        "global": Measurement(
            partial(measure, nn.utils.clip_grad_norm_, norm_of_all), "torch's clip_grad_norm_; the root of the sum of all squares"
        ),
        "per-tensor": Measurement(partial(measure, clip_each, sum_of_norms), "each tensor by its own norm; the sum of the norms"),
        "always": Measurement(partial(measure, rescale_always, root_of_sum), "rescaled always; the square forgotten in the norm"),
    },
    expectations={
        "keeps-the-direction": Expectation(
            "Above the limit clipping by the global norm keeps the direction (cosine 1 to fp64 rounding) and leaves norm 1.",
            lambda r: abs(r["global"]["cosine-error"]) < 1e-12 and abs(r["global"]["norm-after"] - LIMIT) < 1e-5,
        ),
        "leaves-short-ones": Expectation("Below the limit it changes nothing.", lambda r: r["global"]["change-of-short"] == 0),
        "per-tensor-bends": Expectation(
            "Clipping each tensor by its own norm bends the direction, to a cosine under 0.99.",
            lambda r: r["per-tensor"]["cosine-error"] > 0.01,
        ),
        "always-lengthens": Expectation(
            "Rescaling always lengthens a gradient that was below the limit.", lambda r: r["always"]["change-of-short"] > 0.001
        ),
        "one-nan-spoils-all": Expectation(
            "One NaN makes every element NaN.", lambda r: r["global"]["nan-after-nan"] == r["global"]["elements"]
        ),
        "one-inf-erases-all": Expectation(
            "One inf becomes NaN, and every other element exactly 0.",
            lambda r: r["global"]["nan-after-inf"] == 1 and r["global"]["zero-after-inf"] == r["global"]["elements"] - 1,
        ),
        "one-root-for-all": Expectation(
            (
                "The root of the sum of all squares is the norm of all gradients; the sum of the tensors' norms is more than 1% "
                "too large."
            ),
            lambda r: abs(r["global"]["norm-over-true"] - 1) < 1e-12 and r["per-tensor"]["norm-over-true"] > 1.01,
        ),
        "a-million": Expectation(
            "A million gradients of 0.01 have norm 10; 100 is what comes out if the square is forgotten.",
            lambda r: abs(r["global"]["million"] - 10) < 1e-9 and abs(r["always"]["million"] - 100) < 1e-9,
        ),
    },
    control=("global", "per-tensor"),
    quantities={
        "cosine-error": Quantity("1 - cosine after clipping by the global norm", lambda r: r["global"]["cosine-error"]),
        "cosine-per-tensor": Quantity("cosine after clipping each tensor", lambda r: 1 - r["per-tensor"]["cosine-error"]),
        "norm-after": Quantity("norm after clipping at 1.0", lambda r: r["global"]["norm-after"]),
        "sum-over-true": Quantity("sum of the tensors' norms over the true norm", lambda r: r["per-tensor"]["norm-over-true"]),
        "million": Quantity("norm of a million gradients of 0.01", lambda r: r["global"]["million"]),
        "million-unsquared": Quantity(
            "what comes out for a million gradients of 0.01 if the square is forgotten", lambda r: r["always"]["million"]
        ),
    },
    shows=(
        "Clipping by the global norm is one factor for all gradients: it keeps the direction, and below the limit the factor is "
        "1. The factor comes from every element, so one NaN makes all of them NaN and one inf makes all others 0."
    ),
    does_not_show=(
        "Whether clipping helps. Keeping the direction is said of one gradient; the mean of clipped gradients points elsewhere. "
        "torch adds 1e-6 to the norm, so that a gradient within a millionth of the limit is shortened by as much."
    ),
)
