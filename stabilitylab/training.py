"""The one training loop of the course: lessons, experiments, panels, grading and the terminal all run this.

``RunConfig`` is a run as plain data. ``Trainer`` builds what the data describes, lets any part be replaced by a
callable of your own, and yields one ``StepRecord`` per step; nothing happens between steps that the consumer did
not ask for, so a panel may stop it, a detector may inspect it and a notebook may draw it.
"""

from __future__ import annotations

import copy
import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab import corpus as corpora
from stabilitylab import telemetry
from stabilitylab.corpus import BatchSource, Injection
from stabilitylab.model import ModelConfig, Transformer
from stabilitylab.precision import DTYPES, LossScaler, StaticLossScaler, mixed_precision
from stabilitylab.schedules import Schedule, warmup_then
from stabilitylab.telemetry import Run, StepRecord

Clip = Callable[..., Any]
"""Any callable with the signature of ``torch.nn.utils.clip_grad_norm_``: (parameters, max_norm); its result is not used."""

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
        if not 0 <= self.z_loss < float("inf"):
            raise ValueError(f"z_loss is {self.z_loss}; it must be 0 (off) or a small positive number such as 1e-4")
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm is {self.clip_norm}; it must be above 0, or None for no clipping")
        self.schedule()  # checks lr, warmup_steps and decay

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


class Trainer:
    """A run about to happen: model, optimizer and data as ``config`` describes them, each replaceable.

    Args:
        config: the run as data.
        clip: called as ``clip(parameters, config.clip_norm)`` between backward and step, default torch's own
            ``clip_grad_norm_``; used only if ``config.clip_norm`` is set.
        schedule: from a step (from 0) to a learning rate, default ``config.schedule()``.
        optimizer: from a list of parameters to a torch optimizer, default what the config names.
        scaler: a loss scaler, default a fixed scale of ``config.loss_scale``.
        batches: a batch source, default random windows of the config's text.
        model: a model to train on, default a fresh ``Transformer`` for the config's seed.

    Raises:
        ValueError: if a clip function is given but ``config.clip_norm`` is None.
    """

    def __init__(
        self,
        config: RunConfig,
        *,
        clip: Clip | None = None,
        schedule: Schedule | None = None,
        optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer] | None = None,
        scaler: LossScaler | None = None,
        batches: BatchSource | None = None,
        model: Transformer | None = None,
    ):
        if clip is not None and config.clip_norm is None:
            raise ValueError("clip is given, but config.clip_norm is None; set clip_norm to the limit it should use")
        self.config = config
        self.corpus = corpora.load(config.text)
        self.clip = clip or nn.utils.clip_grad_norm_
        self.schedule = schedule or config.schedule()
        self.scaler = scaler or StaticLossScaler(config.loss_scale)
        own = self.corpus.batches(
            config.batch_size, config.model.context, config.seed, min_distinct_bytes=config.min_distinct_bytes
        )
        self.batches = corpora.inject(batches or own, config.injections, self.corpus, config.seed)
        self.model = (model or _fresh_model(config)).to(
            config.device, torch.float32 if config.master_weights else DTYPES[config.dtype]
        )
        self.parameters = list(self.model.parameters())
        self.optimizer = (optimizer or self._named_optimizer)(self.parameters)

    def _named_optimizer(self, parameters: list[nn.Parameter]) -> torch.optim.Optimizer:
        config = self.config
        if config.optimizer == "sgd":
            return torch.optim.SGD(parameters, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
        family: dict[str, Any] = {"lr": config.lr, "betas": config.betas, "eps": config.eps, "weight_decay": config.weight_decay}
        if config.optimizer == "radam":
            return torch.optim.RAdam(parameters, **family)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
        # One fused kernel saves a fifth of a step. On half-precision weights it would compute in fp32 inside and hide
        # what half-precision state does to Adam.
        return kind(parameters, **family, fused=parameters[0].dtype == torch.float32)

    def logits(self, inputs: Tensor) -> Tensor:
        """What the model answers, one row of 256 fp32 logits per byte of input, computed in the config's precision."""
        with mixed_precision(self.config.dtype):
            return self.model(inputs.to(self.config.device)).flatten(0, 1).float()

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per byte: a scalar with a graph."""
        return F.cross_entropy(self.logits(inputs), targets.to(self.config.device).flatten())

    def state(self) -> dict[str, Any]:
        """A checkpoint: copies of the weights and of the optimizer's state. The data need none: a batch depends on its step alone."""
        return copy.deepcopy({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()})

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint, which stays usable; go on with ``steps(first=...)``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))

    def steps(self, first: int = 0) -> Iterator[StepRecord]:
        """Trains, yielding a record after every step. The order is the one to remember: scale, backward, unscale, clip, step.

        Args:
            first: the step to begin at, default 0; its learning rate and its batch are those of that step.
        """
        config, model, parameters, optimizer, scaler = self.config, self.model, self.parameters, self.optimizer, self.scaler
        # These models are too small to share: one thread is faster than two, and makes a run independent of the core count.
        torch.set_num_threads(1)
        matrices = [m.weight for m in model.modules() if isinstance(m, nn.Linear)]
        weights = [p.detach() for p in parameters]
        before = [w.clone() for w in weights]
        tokens, start = 0, time.perf_counter()
        for step in range(first, config.steps):
            lr = self.schedule(step)
            for group in optimizer.param_groups:
                group["lr"] = lr
            inputs, targets = self.batches(step)

            optimizer.zero_grad(set_to_none=True)
            logits = self.logits(inputs)
            loss = objective = F.cross_entropy(logits, targets.to(config.device).flatten())
            if config.z_loss:
                objective = loss + config.z_loss * logits.logsumexp(dim=1).square().mean()
            loss_scale = scaler.loss_scale
            scaler.scale(objective).backward()
            skipped = scaler.unscale_(parameters)
            grads = telemetry.gradients(parameters)
            grad_norm = clipped_norm = telemetry.global_norm(grads)
            bad = 0.0 if grad_norm < float("inf") else telemetry.nonfinite_fraction(grads)
            flushed = 0.0 if config.dtype == "fp32" else telemetry.zero_fraction(telemetry.gradients(matrices))
            if config.clip_norm is not None:
                self.clip(parameters, config.clip_norm)
                clipped_norm = telemetry.global_norm(telemetry.gradients(parameters))
            if not skipped:
                optimizer.step()
            scaler.update(skipped)

            with torch.no_grad():
                torch._foreach_sub_(before, weights)
                update_norm = telemetry.global_norm(before)
                torch._foreach_copy_(before, weights)
                parameter_norm = telemetry.global_norm(before)
            tokens += inputs.numel()
            record = StepRecord(
                step=step,
                loss=loss.item(),
                lr=lr,
                grad_norm=grad_norm,
                clipped_norm=clipped_norm,
                clipped=clipped_norm < grad_norm * (1 - 1e-6),
                update_ratio=update_norm / parameter_norm if parameter_norm else float("inf"),
                max_attention_logit=model.max_attention_logit(),
                nonfinite_fraction=bad,
                flushed_fraction=flushed,
                loss_scale=loss_scale,
                skipped=skipped,
                tokens=tokens,
                seconds=time.perf_counter() - start,
            )
            yield record
            if config.on_nonfinite == "stop" and record.nonfinite:
                return

    @torch.no_grad()
    def validation_loss(self, batches: int = 8) -> float:
        """Mean loss in nats per byte over fixed random windows of the held-out text, the same for every run."""
        config = self.config
        held_out = self.corpus.batches(config.batch_size, config.model.context, seed=0, split="validation")
        return sum(self.loss(*held_out(step)).item() for step in range(batches)) / batches

    def result(self, records: list[StepRecord], label: str = "run") -> Run:
        """The run these records make up, with its settings and reference lines."""
        return Run(label, self.config.to_dict(), records, self.corpus.unigram_entropy, self.corpus.bigram_entropy)


def _fresh_model(config: RunConfig) -> Transformer:
    """The model of a config's seed; torch's global random state is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return Transformer(config.model)


def train(config: RunConfig, label: str = "run", **parts: Any) -> Run:
    """A whole run at once. ``parts`` are passed to ``Trainer``, such as ``clip=my_clip_grad_norm``."""
    trainer = Trainer(config, **parts)
    return trainer.result(list(trainer.steps()), label)
