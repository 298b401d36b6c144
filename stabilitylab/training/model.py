"""A decoder-only Transformer whose every stability-relevant choice is a field of one dataclass.

It is written to be read: attention is spelled out rather than fused, because the largest attention logit is
something the lessons watch. Follow ``Transformer.forward``, then ``Block.forward`` for where the norms sit.

Shapes stand beside the lines that change them: B rows of a batch, T bytes of a row, D the width of the model, H heads, K = D / H
the width of a head, V = 256 byte values, L layers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from stabilitylab.training.corpus import VOCABULARY
from stabilitylab.training.initialisation import initialise

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"gelu": F.gelu, "relu": F.relu, "silu": F.silu}
NORMS: dict[str, type[nn.Module]] = {"layernorm": nn.LayerNorm, "rmsnorm": nn.RMSNorm}
CHOICES = {
    "norm": ("pre", "post", "none"),
    "norm_type": tuple(NORMS),
    "init": ("gpt2", "xavier", "torch"),
    "activation": tuple(ACTIVATIONS),
    "parametrisation": ("standard", "mup"),
}


@dataclass(frozen=True)
class ModelConfig:
    """The shape of a model and the choices that decide how stable it is.

    Attributes:
        layers: Transformer blocks.
        width: model dimension; the MLP is four times as wide.
        heads: attention heads; must divide width.
        context: bytes the model sees at once.
        norm: ``"pre"`` (GPT-2 and later), ``"post"`` (the original Transformer) or ``"none"``.
        norm_type: ``"layernorm"`` or ``"rmsnorm"``.
        qk_norm: normalise queries and keys per head (Henry et al. 2020; Dehghani et al. 2023).
        init: ``"gpt2"``: all weights N(0, 0.02); ``"xavier"``: Xavier-normal matrices, N(0, 1) embeddings; ``"torch"``: what
            nn.Linear and nn.Embedding do if left alone: U(+-1/sqrt(fan_in)) with random biases, N(0, 1) embeddings.
        init_gain: multiplies every initial weight matrix (not the embeddings).
        residual_scaling: divide the two projections that write to the residual stream by sqrt(2 * layers), as GPT-2 does.
        activation: of the MLP: ``"gelu"``, ``"relu"`` or ``"silu"``.
        tied_head: share the byte embedding with the output head.
        parametrisation: ``"standard"``, or ``"mup"``: the maximal update parametrisation of Yang et al. 2022 (arXiv 2203.03466,
            table 8) for the Adam family, with which a learning rate found at ``base_width`` serves at other widths. Hidden
            matrices have 1 / width of the initial variance and of the learning rate, and logits a multiplier of 1 / width, all as
            multiples of what they are at ``base_width``. Widen by adding heads: attention's scale is for heads of one width.
        base_width: where both parametrisations are the same.

    Raises:
        ValueError: naming the field, its value and what would do.
    """

    layers: int = 4
    width: int = 32
    heads: int = 2
    context: int = 32
    norm: str = "pre"
    norm_type: str = "layernorm"
    qk_norm: bool = False
    init: str = "gpt2"
    init_gain: float = 1.0
    residual_scaling: bool = False
    activation: str = "gelu"
    tied_head: bool = False
    parametrisation: str = "standard"
    base_width: int = 32

    def __post_init__(self) -> None:
        for field in ("layers", "width", "heads", "context", "base_width"):
            if getattr(self, field) < 1:
                raise ValueError(f"{field} is {getattr(self, field)}; it must be at least 1")
        for field, options in CHOICES.items():
            if getattr(self, field) not in options:
                raise ValueError(f"{field} is {getattr(self, field)!r}; choose one of {', '.join(options)}")
        if self.width % self.heads:
            raise ValueError(
                f"heads is {self.heads}, which does not divide width {self.width}; try heads={math.gcd(self.width, 4)}"
            )
        if not self.init_gain > 0:
            raise ValueError(f"init_gain is {self.init_gain}; it must be above 0")
        if self.parametrisation == "mup" and self.init == "torch":
            raise ValueError("init is 'torch', which mup has no rule for; choose gpt2 or xavier")

    @property
    def width_multiplier(self) -> float:
        """Width over ``base_width`` under mup, 1.0 under the standard parametrisation."""
        return self.width / self.base_width if self.parametrisation == "mup" else 1.0


class Attention(nn.Module):
    """Causal multi-head self-attention; keeps the largest logit of its last forward pass."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.heads = config.heads
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        head_width = config.width // config.heads
        norm = NORMS[config.norm_type] if config.qk_norm else nn.Identity
        self.query_norm, self.key_norm = norm(head_width), norm(head_width)
        self.max_logit = torch.tensor(0.0)

    def forward(self, x: Tensor, future: Tensor) -> Tensor:
        """From (B, T, D) to (B, T, D); ``future`` is True (T, T) where a row's position must not look."""
        batch, length, width = x.shape
        qkv = self.qkv(x)  # (B, T, 3 * D)
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, K)
            for part in qkv.split(width, dim=2)
        )
        q, k = self.query_norm(q), self.key_norm(k)
        logits = (q @ k.transpose(-1, -2)) / math.sqrt(width // self.heads)  # (B, H, T, T): a query's row over all keys
        logits = torch.where(future[:length, :length], float("-inf"), logits)
        self.max_logit = logits.detach().amax()
        mixed = logits.softmax(dim=-1) @ v  # (B, H, T, K)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))  # (B, T, D)


class MLP(nn.Module):
    """Two linear maps with a nonlinearity between them."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.up = nn.Linear(config.width, 4 * config.width)
        self.out = nn.Linear(4 * config.width, config.width)
        self.activation = ACTIVATIONS[config.activation]

    def forward(self, x: Tensor) -> Tensor:
        """From (B, T, D) to (B, T, D), by way of (B, T, 4 * D)."""
        return self.out(self.activation(self.up(x)))


class Block(nn.Module):
    """Attention, then the MLP, each added to the residual stream; the norm's place is the lesson."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        norm = NORMS[config.norm_type] if config.norm != "none" else nn.Identity
        self.placement = config.norm
        self.attention, self.mlp = Attention(config), MLP(config)
        self.attention_norm, self.mlp_norm = norm(config.width), norm(config.width)

    def forward(self, x: Tensor, future: Tensor) -> Tensor:
        """From the residual stream (B, T, D) to the residual stream (B, T, D)."""
        if self.placement == "post":  # normalise the sum: every gradient passes through every norm
            x = self.attention_norm(x + self.attention(x, future))
            return self.mlp_norm(x + self.mlp(x))
        # "pre": normalise each branch's input, and leave the residual stream a clear path; "none": the norms are identities
        x = x + self.attention(self.attention_norm(x), future)
        return x + self.mlp(self.mlp_norm(x))


class Transformer(nn.Module):
    """Bytes in, logits over the next byte out. Initialised from torch's global random state."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.config = config
        self.byte_embedding = nn.Embedding(VOCABULARY, config.width)
        self.position_embedding = nn.Embedding(config.context, config.width)
        self.blocks: Sequence[Block] = nn.ModuleList(Block(config) for _ in range(config.layers))  # type: ignore[assignment]
        self.final_norm = NORMS[config.norm_type](config.width) if config.norm == "pre" else nn.Identity()
        self.head = nn.Linear(config.width, VOCABULARY, bias=False)
        future = torch.ones(config.context, config.context, dtype=torch.bool).triu(diagonal=1)
        self.register_buffer("future", future, persistent=False)
        initialise(
            self,
            config.init,
            config.init_gain,
            residual_scaling=config.residual_scaling,
            width_multiplier=config.width_multiplier,
        )
        if config.tied_head:
            self.head.weight = self.byte_embedding.weight

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (B, T, V) for byte values (B, T); T is at most ``config.context``."""
        x = self.byte_embedding(inputs) + self.position_embedding.weight[: inputs.shape[1]]  # (B, T, D) + (T, D)
        for block in self.blocks:
            x = block(x, self.future)
        x = self.final_norm(x)
        if self.config.parametrisation == "mup":
            x = x / self.config.width_multiplier  # the output multiplier
        return self.head(x)  # (B, T, V)

    def max_attention_logit(self) -> float:
        """The largest attention logit, over all layers, of the last forward pass."""
        return torch.stack([block.attention.max_logit for block in self.blocks]).max().item()  # of (L,)
