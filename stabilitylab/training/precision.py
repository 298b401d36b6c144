"""Half precision on any CPU, and the loss scalers that go with it.

Without special instructions PyTorch's CPU kernels for fp16 matrix products are up to 160 times slower than
fp32. ``mixed_precision`` therefore does what a GPU's tensor cores do: inputs and outputs of every matrix product are
rounded to half precision, the sum inside is accumulated in fp32. Everything that goes wrong in half precision
(overflow beyond 65504, gradients flushed to zero below 2^-25) goes wrong here too, at about fp32's speed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class _TensorCoreMatmul(TorchFunctionMode):
    """Runs matrix products as tensor cores do; the arithmetic inside softmax and the norms stays in fp32, as on a GPU."""

    PRODUCTS = frozenset({F.linear, torch.matmul, Tensor.matmul, Tensor.__matmul__})
    FULL_PRECISION = frozenset({F.layer_norm, F.rms_norm, Tensor.softmax})

    def __init__(self, dtype: torch.dtype):
        super().__init__()
        self.dtype = dtype

    def __torch_function__(
        self, function: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function in self.PRODUCTS:
            # .to(half).float() rounds on the way in and, in the backward pass, rounds the gradient on the way out
            return function(*(_cast(_cast(a, self.dtype), torch.float32) for a in args), **kwargs).to(self.dtype)
        if function in self.FULL_PRECISION:
            args32 = [_cast(a, torch.float32) for a in args]
            return function(*args32, **{k: _cast(v, torch.float32) for k, v in kwargs.items()}).to(args[0].dtype)
        return function(*args, **kwargs)


def _cast(value: Any, dtype: torch.dtype) -> Any:
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def mixed_precision(dtype: str) -> AbstractContextManager[object]:
    """The context in which a forward pass computes in ``"fp32"`` (does nothing), ``"fp16"`` or ``"bf16"``.

    Raises:
        ValueError: if the dtype is none of these.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype is {dtype!r}; choose one of {', '.join(DTYPES)}")
    return nullcontext() if dtype == "fp32" else _TensorCoreMatmul(DTYPES[dtype])


class LossScaler(Protocol):
    """What the training loop asks of a loss scaler, in this order at every step."""

    loss_scale: float

    def scale(self, loss: Tensor) -> Tensor:
        """The loss times the current scale."""

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        """Divides every ``.grad`` by the scale in place; True if any element is inf or NaN, and the step must be skipped."""

    def update(self, found_inf: bool) -> None:
        """Adjusts the scale after the step."""


class StaticLossScaler:
    """A fixed scale, which never skips a step; 1.0 is no scaling at all.

    Raises:
        ValueError: if the scale is not above 0.
    """

    def __init__(self, scale: float = 1.0):
        if not scale > 0:
            raise ValueError(f"scale is {scale}; it must be above 0, usually a power of two")
        self.loss_scale = scale

    def scale(self, loss: Tensor) -> Tensor:
        return loss if self.loss_scale == 1 else loss * self.loss_scale

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        if self.loss_scale != 1:
            torch._foreach_div_([p.grad for p in parameters if p.grad is not None], self.loss_scale)
        return False

    def update(self, found_inf: bool) -> None:
        pass


class DynamicLossScaler:
    """A scale that seeks its own level: PyTorch's ``torch.amp.GradScaler`` as a ``LossScaler``.

    After a step with an inf or a NaN in the gradients the update is skipped and the scale multiplied by ``backoff_factor``; after
    ``growth_interval`` good steps in a row it is multiplied by ``growth_factor``. Loss scaling with skipped updates is due to
    Micikevicius et al. 2017 (arXiv 1710.03740); the default numbers are PyTorch's. It wants fp32 gradients, and so fp32 master
    weights.

    Args:
        init_scale: the first scale, default 65536.
        growth_factor: default 2.
        backoff_factor: default 0.5.
        growth_interval: default 2000 steps, which is longer than most runs of this course.

    Raises:
        ValueError: if the first scale is not above 0.
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        *,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
    ):
        if not init_scale > 0:
            raise ValueError(f"init_scale is {init_scale}; it must be above 0, usually a power of two")
        self.loss_scale = init_scale
        self._scaler = torch.amp.GradScaler("cpu", init_scale, growth_factor, backoff_factor, growth_interval)

    def scale(self, loss: Tensor) -> Tensor:
        return self._scaler.scale(loss)

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        return self._scaler.step(_NoOptimizer(parameters, {})) is None  # None: it left the step out

    def update(self, found_inf: bool) -> None:
        self._scaler.update()  # it remembers what it found
        self.loss_scale = self._scaler.get_scale()


class _NoOptimizer(torch.optim.Optimizer):
    """What ``GradScaler.step`` asks for: parameters, whose gradients it unscales, and a step, which it calls if all are
    finite."""

    def step(self, closure: None = None) -> float:  # type: ignore[override]
        return 0.0
