"""The first weights of a model."""

from __future__ import annotations

import math

import torch
from torch import nn


@torch.no_grad()
def initialise(model: nn.Module, init: str, gain: float, *, residual_scaling: bool, width_multiplier: float) -> None:
    """Draws the weights of a Transformer from torch's global random state.

    Args:
        model: whose blocks are named ``blocks.0`` and on, the projections that write to the residual stream ``attention.out`` and
            ``mlp.out``, and the output head ``head``.
        init: as in ``ModelConfig``; with ``"torch"`` weights stay as torch's modules drew them.
        gain: multiplies every matrix.
        residual_scaling: whether what writes to the residual stream is divided by the root of how many do.
        width_multiplier: of mup, 1.0 for none: how many times wider than its base the model is. Hidden matrices get 1 / width of
            the base's variance, the head just the base's (Yang et al. 2022, table 8).
    """
    projections = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Embedding) and init == "gpt2":
            nn.init.normal_(module.weight, std=0.02)
        elif isinstance(module, nn.Linear):
            if init == "gpt2":
                nn.init.normal_(module.weight, std=0.02)
            elif init == "xavier":
                nn.init.xavier_normal_(module.weight)
            if init != "torch" and module.bias is not None:
                nn.init.zeros_(module.bias)
            module.weight.mul_(gain)
            if width_multiplier != 1.0:
                module.weight.mul_(_mup_gain(init, module, width_multiplier, is_head=name == "head"))
            if name.endswith((".attention.out", ".mlp.out")):
                projections.append(module)
    if residual_scaling:
        for module in projections:
            module.weight.div_(math.sqrt(len(projections)))


def _mup_gain(init: str, module: nn.Linear, width_multiplier: float, is_head: bool) -> float:
    if init == "gpt2":  # the same for every width
        return 1.0 if is_head else 1 / math.sqrt(width_multiplier)
    if not is_head:  # Xavier's hidden matrices shrink by themselves
        return 1.0
    # and so does its head, a little: that is taken back
    width, outputs = module.in_features, module.out_features
    return math.sqrt((width + outputs) / (width / width_multiplier + outputs))
