import dataclasses
from pathlib import Path

import pytest
import torch

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
