import dataclasses
import math
import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from stabilitylab.training import model
from stabilitylab.training.model import ModelConfig, Transformer

SMALL = ModelConfig(layers=2, width=16, heads=2, context=12)


def build(**changes):
    torch.manual_seed(0)
    return Transformer(dataclasses.replace(SMALL, **changes))


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
@pytest.mark.parametrize("init", ["gpt2", "xavier", "torch"])
def test_no_position_sees_the_future(norm, init):
    model = build(norm=norm, init=init)
    text = torch.randint(256, (1, 12))
    changed = text.clone()
    changed[0, 8:] = torch.randint(256, (4,))
    assert torch.allclose(model(text)[0, :8], model(changed)[0, :8], atol=1e-5)
    assert not torch.allclose(model(text)[0, 8:], model(changed)[0, 8:], atol=1e-3)


def test_norm_placement_is_where_it_says():
    text = torch.randint(256, (4, 12))
    outputs = {}
    for norm in ("pre", "post", "none"):
        model = build(norm=norm, init="torch")
        model.blocks[-1].register_forward_hook(lambda module, arguments, output, norm=norm: outputs.__setitem__(norm, output))
        model(text)
    assert outputs["post"].std(dim=-1, correction=0).sub(1).abs().max() < 1e-2
    assert outputs["pre"].std(dim=-1).sub(1).abs().max() > 0.1
    assert not any("norm" in name for name, _ in build(norm="none").named_parameters())


@pytest.mark.parametrize(
    "init, weight, embedding",
    [("gpt2", 0.02, 0.02), ("xavier", (2 / (64 + 192)) ** 0.5, 1.0), ("torch", (1 / 64) ** 0.5 / 3**0.5, 1.0)],
)
def test_initial_scales(init, weight, embedding):
    model = build(init=init, width=64, heads=4)
    assert model.blocks[0].attention.qkv.weight.std().item() == pytest.approx(weight, rel=0.05)
    assert model.byte_embedding.weight.std().item() == pytest.approx(embedding, rel=0.05)
    assert (model.blocks[0].mlp.up.bias == 0).all() == (init != "torch")


def test_gain_and_residual_scaling_multiply_the_initial_weights():
    plain, louder = build(), build(init_gain=4.0)
    assert torch.allclose(louder.head.weight, 4 * plain.head.weight)
    scaled = build(residual_scaling=True)
    assert torch.allclose(scaled.blocks[0].mlp.out.weight, plain.blocks[0].mlp.out.weight / 2)
    assert torch.equal(scaled.blocks[0].mlp.up.weight, plain.blocks[0].mlp.up.weight)


def test_residual_scaling_divides_what_writes_to_the_residual_stream_by_the_root_of_twice_the_depth():
    plain, scaled = build(layers=3), build(layers=3, residual_scaling=True)
    for (name, before), after in zip(plain.named_parameters(), scaled.parameters()):
        writes = name.endswith((".attention.out.weight", ".mlp.out.weight"))
        assert torch.allclose(after, before / 6**0.5 if writes else before), name


def test_qk_norm_bounds_the_attention_logits():
    text = torch.randint(256, (4, 12))
    logits = {}
    for qk_norm in (False, True):
        model = build(qk_norm=qk_norm, init="torch")
        with torch.no_grad():
            for block in model.blocks:
                block.attention.qkv.weight.mul_(100)
        model(text)
        logits[qk_norm] = model.max_attention_logit()
    head_width = 8
    assert logits[True] <= head_width**0.5 + 1e-3
    assert logits[False] > 100


def test_the_largest_attention_logit_ignores_masked_positions():
    model = build(layers=1, init="torch")
    text = torch.randint(256, (2, 12))
    model(text)
    attention, x = model.blocks[0].attention, None
    x = model.blocks[0].attention_norm(model.byte_embedding(text) + model.position_embedding.weight[:12])
    q, k, _ = attention.qkv(x).view(2, 12, 3, 2, 8).permute(2, 0, 3, 1, 4)
    scores = (q @ k.transpose(-1, -2)) / 8**0.5
    causal = scores[..., torch.ones(12, 12).tril().bool()]
    assert model.max_attention_logit() == pytest.approx(causal.max().item(), rel=1e-5)


def test_a_tied_head_shares_the_embedding():
    model = build(tied_head=True)
    assert model.head.weight is model.byte_embedding.weight
    assert sum(p.numel() for p in model.parameters()) == sum(p.numel() for p in build().parameters()) - 256 * 16


def test_rmsnorm_is_used_when_asked_for():
    assert isinstance(build(norm_type="rmsnorm").final_norm, torch.nn.RMSNorm)


@pytest.mark.parametrize(
    "bad",
    [
        {"layers": 0},
        {"heads": 3},
        {"norm": "both"},
        {"init": "he"},
        {"activation": "swish"},
        {"norm_type": "batch"},
        {"init_gain": 0},
    ],
)
def test_impossible_shapes_are_refused_by_name(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"^{name} is "):
        dataclasses.replace(SMALL, **bad)


def test_the_model_can_be_read_in_one_sitting():
    assert len(Path(model.__file__).read_text().splitlines()) < 200


def as_published(model, inputs):
    """The forward pass written another way: PyTorch's own attention, head by head, and no norm where there is none."""
    config = model.config
    x = torch.stack([model.byte_embedding(row) + model.position_embedding.weight[: len(row)] for row in inputs])
    for block in model.blocks:

        def attend(x, attention=block.attention):
            heads = []
            for q, k, v in zip(*(part.chunk(config.heads, dim=2) for part in attention.qkv(x).chunk(3, dim=2))):
                q, k = attention.query_norm(q), attention.key_norm(k)
                heads.append(F.scaled_dot_product_attention(q, k, v, is_causal=True))
            return attention.out(torch.cat(heads, dim=2))

        def think(x, mlp=block.mlp):
            return mlp.out({"gelu": F.gelu, "relu": F.relu, "silu": F.silu}[config.activation](mlp.up(x)))

        if config.norm == "post":
            x = block.attention_norm(x + attend(x))
            x = block.mlp_norm(x + think(x))
        elif config.norm == "pre":
            x = x + attend(block.attention_norm(x))
            x = x + think(block.mlp_norm(x))
        else:
            x = x + attend(x)
            x = x + think(x)
    return model.head(model.final_norm(x) if config.norm == "pre" else x)


@pytest.mark.parametrize("norm", ["pre", "post", "none"])
@pytest.mark.parametrize("qk_norm", [False, True])
@pytest.mark.parametrize("activation, norm_type", [("gelu", "layernorm"), ("relu", "rmsnorm"), ("silu", "layernorm")])
def test_the_forward_pass_is_the_published_one(norm, qk_norm, activation, norm_type):
    model = build(norm=norm, qk_norm=qk_norm, activation=activation, norm_type=norm_type, init="torch")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:
                parameter.add_(torch.randn_like(parameter) / 4)  # gains of one would hide whose they are
    inputs = torch.randint(256, (3, 7))  # shorter than the context
    assert model(inputs).shape == (3, 7, 256)
    assert torch.allclose(model(inputs), as_published(model, inputs), atol=1e-5)


@pytest.mark.parametrize(
    "changes, norms",
    [
        ({"norm": "pre"}, 2 * 2 * 32 + 32),  # two in each block and a last one, a gain and a bias each
        ({"norm": "post"}, 2 * 2 * 32),
        ({"norm": "none"}, 0),
        ({"norm": "pre", "norm_type": "rmsnorm"}, 2 * 2 * 16 + 16),  # gains alone
        ({"norm": "none", "qk_norm": True}, 2 * 2 * 16),  # of a head's width, 8
    ],
)
def test_the_number_of_parameters_is_that_of_the_shape(changes, norms):
    model = build(**changes)
    attention, mlp = 16 * 48 + 48 + 16 * 16 + 16, 16 * 64 + 64 + 64 * 16 + 16
    assert sum(p.numel() for p in model.parameters()) == 256 * 16 + 12 * 16 + 2 * (attention + mlp) + 16 * 256 + norms
    assert set(model.state_dict()) == {name for name, _ in model.named_parameters()}  # a checkpoint is weights, and nothing else


@pytest.mark.parametrize("init", ["gpt2", "xavier", "torch"])
def test_the_gain_is_for_matrices_and_not_for_embeddings_and_biases_start_at_zero(init):
    plain, louder = build(init=init), build(init=init, init_gain=3.0)
    for (name, before), after in zip(plain.named_parameters(), louder.parameters()):
        matrix = before.ndim == 2 and "embedding" not in name
        assert torch.allclose(after, 3 * before if matrix else before), name
        if name.endswith("bias") and init != "torch":
            assert not before.any(), name


def test_the_largest_attention_logit_is_over_all_layers():
    model = build(layers=3)
    assert model.max_attention_logit() == 0.0  # it has seen nothing yet
    for largest in (0, 1, 2):
        for layer, block in enumerate(model.blocks):
            block.attention.max_logit = torch.tensor(5.0 if layer == largest else -1.0)
        assert model.max_attention_logit() == 5.0


def test_what_is_left_out_is_a_small_gpt2():
    assert ModelConfig() == ModelConfig(
        layers=4, width=32, heads=2, context=32, norm="pre", norm_type="layernorm", qk_norm=False, init="gpt2", init_gain=1.0,
        residual_scaling=False, activation="gelu", tied_head=False,
    )  # fmt: skip


@pytest.mark.parametrize("field", ["layers", "width", "heads", "context"])
def test_the_smallest_shape_is_one_and_none_is_refused(field):
    smallest = ModelConfig(**{"heads": 1, field: 1})
    assert Transformer(smallest)(torch.zeros(1, 1, dtype=torch.long)).shape == (1, 1, 256)
    with pytest.raises(ValueError, match=f"^{field} is 0; it must be at least 1"):
        ModelConfig(**{"heads": 1, field: 0})


@pytest.mark.parametrize(
    "bad, remedy",
    [
        ({"norm": "both"}, "choose one of pre, post, none"),
        ({"norm_type": "batch"}, "choose one of layernorm, rmsnorm"),
        ({"init": "he"}, "choose one of gpt2, xavier, torch"),
        ({"activation": "swish"}, "choose one of gelu, relu, silu"),
        ({"init_gain": 0.0}, "above 0"),
        ({"init_gain": math.nan}, "above 0"),
    ],
)
def test_a_refused_choice_is_named_with_its_value_and_what_would_do(bad, remedy):
    ((name, value),) = bad.items()
    with pytest.raises(ValueError, match=f"^{name} is {re.escape(repr(value))}; .*{remedy}"):
        ModelConfig(**bad)
    assert ModelConfig(init_gain=1e-3).init_gain == 1e-3


@pytest.mark.parametrize("width, heads", [(32, 3), (6, 4), (7, 2)])
def test_heads_that_do_not_divide_the_width_are_refused_with_a_number_that_does(width, heads):
    with pytest.raises(ValueError, match=f"^heads is {heads}, which does not divide width {width}; try heads=") as refused:
        ModelConfig(width=width, heads=heads)
    remedy = int(str(refused.value).rpartition("=")[2])
    assert ModelConfig(width=width, heads=remedy).heads == math.gcd(width, 4)
