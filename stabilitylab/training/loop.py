"""The one training loop of the course: lessons, experiments, panels, grading and the terminal all run this.

``RunConfig`` is a run as plain data. ``Trainer`` builds what the data describes, lets any part be replaced by a
callable of your own, and yields one ``StepRecord`` per step; nothing happens between steps that the consumer did
not ask for, so a panel may stop it, a detector may inspect it and a notebook may draw it. What is measured of a step is
``telemetry.StepMeter``'s business: without the lines that name it, ``Trainer.steps`` trains the same.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab.training import corpus as corpora
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import BatchSource
from stabilitylab.training.model import Transformer
from stabilitylab.training.numbers import number
from stabilitylab.training.optimizers import OptimizerFactory, named_optimizer
from stabilitylab.training.precision import DTYPES, LossScaler, StaticLossScaler, mixed_precision
from stabilitylab.training.schedules import Schedule
from stabilitylab.training.telemetry import Run, StepMeter, StepRecord

Clip = Callable[..., Any]
"""Any callable with the signature of ``torch.nn.utils.clip_grad_norm_``: (parameters, max_norm); its result is not used."""


class Trainer:
    """A run about to happen: model, optimizer and data as ``config`` describes them, each replaceable.

    Args:
        config: the run as data.
        clip: called as ``clip(parameters, config.clip_norm)`` between backward and step, default torch's own
            ``clip_grad_norm_``; used only if ``config.clip_norm`` is set.
        schedule: from a step (from 0) to a learning rate, default ``config.schedule()``.
        optimizer: from a list of (name, parameter) pairs to a torch optimizer, default what the config names.
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
        optimizer: OptimizerFactory | None = None,
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
        named = list(self.model.named_parameters())
        self.optimizer = optimizer(named) if optimizer else named_optimizer(config, named)

    def logits(self, inputs: Tensor) -> Tensor:
        """fp32 logits (B * T, 256) for byte values (B, T), computed in the config's precision."""
        with mixed_precision(self.config.dtype):
            return self.model(inputs.to(self.config.device)).flatten(0, 1).float()

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy in nats per byte, a scalar with a graph, of byte values (B, T) and the bytes that follow them."""
        return F.cross_entropy(self.logits(inputs), targets.to(self.config.device).flatten())

    def steps(self, first: int = 0) -> Iterator[StepRecord]:
        """Trains, yielding a record after every step. The order is the one to remember: scale, backward, unscale, clip, step.

        Args:
            first: the step to begin at, default 0; its learning rate and its batch are those of that step.
        """
        # These models are too small to share: one thread is faster than two, and makes a run independent of the core count.
        torch.set_num_threads(1)
        config, optimizer, scaler = self.config, self.optimizer, self.scaler
        meter = StepMeter(self.model, half_precision=config.dtype != "fp32")
        for step in range(first, config.steps):
            # learning rate and batch, both functions of the step
            lr = number(self.schedule(step))
            for group in optimizer.param_groups:
                group["lr"] = lr * group.get("lr_scale", 1.0)
            inputs, targets = self.batches(step)  # (B, T) each

            # forward
            optimizer.zero_grad(set_to_none=True)
            logits = self.logits(inputs)  # (B * T, 256)
            loss = objective = F.cross_entropy(logits, targets.to(config.device).flatten())
            if config.z_loss:
                objective = loss + config.z_loss * logits.logsumexp(dim=1).square().mean()

            # backward, at the loss scale; unscaled before anything looks at the gradients
            loss_scale = number(scaler.loss_scale)
            scaler.scale(objective).backward()
            skipped = bool(scaler.unscale_(self.parameters))
            meter.backward_done()

            # clip
            if config.clip_norm is not None:
                self.clip(self.parameters, config.clip_norm)
                meter.clip_done()

            # step, unless the scaler found an overflow
            if not skipped:
                optimizer.step()
            scaler.update(skipped)

            record = meter.record(step, loss.item(), lr=lr, loss_scale=loss_scale, skipped=skipped, tokens=inputs.numel())
            yield record
            if config.on_nonfinite == "stop" and record.nonfinite:
                return

    def state(self) -> dict[str, Any]:
        """A checkpoint: copies of the weights and of the optimizer's state. The data need none: a batch depends on its step
        alone."""
        return copy.deepcopy({"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()})

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a checkpoint, which stays usable; go on with ``steps(first=...)``."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))

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
