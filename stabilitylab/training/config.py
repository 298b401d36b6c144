"""A run as plain data: everything that decides it, checked when it is made."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from stabilitylab.training.corpus import Injection
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.precision import DTYPES
from stabilitylab.training.schedules import Schedule, warmup_then

OPTIMIZERS = ("sgd", "adam", "adamw", "radam")
ON_NONFINITE = ("continue", "stop")


@dataclass(frozen=True)
class RunConfig:
    """One run as plain data; equal configs give equal runs on the same machine.

    Attributes:
        model: the model's shape.
        steps: optimizer steps.
        batch_size: rows of ``model.context`` bytes per step.
        optimizer: ``"sgd"``, ``"adam"``, ``"adamw"`` or ``"radam"``, from torch.optim.
        lr: peak learning rate.
        warmup_steps: linear warmup from 0, default none.
        decay: after warmup: ``"constant"``, ``"cosine"``, ``"linear"``, ``"inverse_sqrt"`` or ``"wsd"``.
        momentum: of SGD.
        betas: of the Adam family.
        eps: of the Adam family.
        weight_decay: as the optimizer understands it: L2 for SGD, Adam and RAdam, decoupled for AdamW.
        clip_norm: limit given to the clip function, None for no clipping.
        dtype: precision of the forward and backward pass: ``"fp32"``, ``"fp16"`` or ``"bf16"``.
        master_weights: keep fp32 weights under a half-precision pass (default); False stores weights and optimizer
            state in half precision too.
        loss_scale: fixed factor on the loss before the backward pass, divided out of the gradients after it.
        z_loss: coefficient of mean(logsumexp(logits)^2), added to what is minimised and not to the recorded loss, default none
            (Chowdhery et al. 2022 and Wortsman et al. 2023 use 1e-4).
        seed: decides the initial weights and the batches.
        text: path of a UTF-8 file to train on, None for the built-in corpus.
        min_distinct_bytes: redraw degenerate rows, see ``Corpus.batches``.
        injections: pathological batches at chosen steps.
        on_nonfinite: at the first non-finite loss or applied gradient ``"continue"`` or ``"stop"`` after recording it.
        device: where to train, default ``"cpu"``.

    Raises:
        ValueError: naming the field, its value and what would do.
    """

    model: ModelConfig = ModelConfig()  # noqa: RUF009  frozen, so that sharing it is safe
    steps: int = 200
    batch_size: int = 8
    optimizer: str = "adam"
    lr: float = 1e-3
    warmup_steps: int = 0
    decay: str = "constant"
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    weight_decay: float = 0.0
    clip_norm: float | None = None
    dtype: str = "fp32"
    master_weights: bool = True
    loss_scale: float = 1.0
    z_loss: float = 0.0
    seed: int = 0
    text: str | None = None
    min_distinct_bytes: int = 0
    injections: tuple[Injection, ...] = ()
    on_nonfinite: str = "continue"
    device: str = "cpu"

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        for name, options in (("optimizer", OPTIMIZERS), ("dtype", tuple(DTYPES)), ("on_nonfinite", ON_NONFINITE)):
            if getattr(self, name) not in options:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(options)}")
        if not 0 < self.lr < float("inf"):
            raise ValueError(f"lr is {self.lr}; it must be above 0 and finite")
        if not 0 <= self.z_loss < float("inf"):
            raise ValueError(f"z_loss is {self.z_loss}; it must be 0 (off) or a small positive number such as 1e-4")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm is {self.clip_norm}; it must be above 0, or None for no clipping")
        if self.model.parametrisation == "mup" and self.optimizer == "sgd":
            raise ValueError("optimizer is 'sgd', but mup's rules here are those of the Adam family; choose adam, adamw or radam")
        self.schedule()  # checks warmup_steps and decay

    def schedule(self) -> Schedule:
        """The learning-rate schedule this config describes."""
        return warmup_then(self.decay, peak_lr=self.lr, warmup_steps=self.warmup_steps, total_steps=self.steps)

    def replace(self, **changes: Any) -> RunConfig:
        """A copy with some fields changed; ``model__layers=8`` reaches into the model."""
        model = {name.removeprefix("model__"): changes.pop(name) for name in list(changes) if name.startswith("model__")}
        if model:
            changes["model"] = dataclasses.replace(changes.get("model", self.model), **model)
        return dataclasses.replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunConfig:
        """The inverse of ``to_dict``."""
        injections = tuple(Injection(**i) for i in data.get("injections", ()))
        return cls(**{**data, "model": ModelConfig(**data["model"]), "betas": tuple(data["betas"]), "injections": injections})
