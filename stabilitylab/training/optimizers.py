"""The optimizers that a config can name.

An optimizer factory gets (name, parameter) pairs, as ``model.named_parameters()`` gives them and as every optimizer of
``torch.optim`` takes them. The names tell embeddings (``byte_embedding.weight``), gains (``blocks.0.mlp_norm.weight``) and
matrices (``blocks.0.mlp.up.weight``) apart, which their shapes do not: an embedding table is a matrix too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from stabilitylab.training.config import RunConfig

NamedParameters = list[tuple[str, nn.Parameter]]
OptimizerFactory = Callable[[NamedParameters], torch.optim.Optimizer]


def named_optimizer(config: RunConfig, parameters: NamedParameters) -> torch.optim.Optimizer:
    """The optimizer that ``config.optimizer`` names, from torch.optim, over (name, parameter) pairs.

    Under mup the hidden matrices are a group of their own, whose ``"lr_scale"`` the training loop multiplies its rate by.
    """
    groups: Any = parameters
    if config.model.parametrisation == "mup":
        hidden = [(name, p) for name, p in parameters if is_hidden_matrix(name, p)]
        others = [(name, p) for name, p in parameters if not is_hidden_matrix(name, p)]
        groups = [{"params": others}, {"params": hidden, "lr_scale": 1 / config.model.width_multiplier}]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.lr, momentum=config.momentum, weight_decay=config.weight_decay)
    family: dict[str, Any] = {"lr": config.lr, "betas": config.betas, "eps": config.eps, "weight_decay": config.weight_decay}
    if config.optimizer == "radam":
        return torch.optim.RAdam(groups, **family)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[config.optimizer]
    # One fused kernel saves a fifth of a step. On half-precision weights it would compute in fp32 inside and hide
    # what half-precision state does to Adam.
    _, first = parameters[0]
    return kind(groups, **family, fused=first.dtype == torch.float32)


def is_hidden_matrix(name: str, parameter: nn.Parameter) -> bool:
    """Whether a parameter is a matrix of a block: one of those whose inputs and outputs both grow with the width."""
    return name.startswith("blocks.") and parameter.ndim == 2
