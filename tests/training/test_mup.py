"""The maximal update parametrisation: the standard one at its base width, and one learning rate for all widths."""

import pytest
import torch

from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer, train
from stabilitylab.training.model import ModelConfig

STANDARD = RunConfig(model=ModelConfig(layers=2, width=32, heads=2, context=16), batch_size=4, steps=6)


def mup(**model):
    return STANDARD.replace(**{f"model__{name}": value for name, value in ({"parametrisation": "mup"} | model).items()})


@pytest.mark.parametrize("init", ["gpt2", "xavier"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "radam"])
def test_at_its_base_width_it_is_the_standard_parametrisation(init, optimizer):
    losses = [train(c.replace(model__init=init, optimizer=optimizer)).column("loss") for c in (STANDARD, mup())]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("init", ["gpt2", "xavier"])
def test_wider_models_begin_with_smaller_hidden_matrices_and_the_same_head_and_embeddings(init):
    narrow, wide = (Trainer(mup(init=init, width=w, heads=w // 16)).model for w in (32, 512))

    def spread(of):
        return of(wide).weight.std().item() / of(narrow).weight.std().item()

    assert spread(lambda m: m.blocks[1].mlp.up) == pytest.approx(1 / 4, rel=0.05)
    assert spread(lambda m: m.blocks[0].attention.qkv) == pytest.approx(1 / 4, rel=0.05)
    assert spread(lambda m: m.head) == pytest.approx(1, rel=0.05)
    assert spread(lambda m: m.byte_embedding) == pytest.approx(1, rel=0.05)


def test_adam_moves_hidden_matrices_by_the_rate_over_the_width_multiplier_and_all_else_by_the_rate():
    trainer = Trainer(mup(width=128, heads=8).replace(lr=1e-3, steps=1))
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    list(trainer.steps())
    moved = {name: (p.detach() - before[name]).abs().max().item() for name, p in trainer.model.named_parameters()}
    # Adam's first step is the learning rate, whatever the gradient
    for name in ("blocks.0.mlp.up.weight", "blocks.1.attention.qkv.weight", "blocks.1.attention.out.weight"):
        assert moved[name] == pytest.approx(1e-3 / 4, rel=0.01), name
    for name in ("head.weight", "byte_embedding.weight", "blocks.0.mlp.up.bias", "blocks.0.mlp_norm.weight", "final_norm.weight"):
        assert moved[name] == pytest.approx(1e-3, rel=0.01), name


def test_logits_are_divided_by_the_width_multiplier():
    wide = Trainer(mup(width=64, heads=4)).model
    x = torch.arange(16)[None]
    plain = Trainer(STANDARD.replace(model__width=64, model__heads=4)).model
    plain.load_state_dict(wide.state_dict())
    assert torch.allclose(wide(x) * 2, plain(x), atol=1e-6)


def test_what_it_has_no_rule_for_is_refused():
    with pytest.raises(ValueError, match="init is 'torch', which mup has no rule for; choose gpt2 or xavier"):
        mup(init="torch")
    with pytest.raises(ValueError, match="optimizer is 'sgd', but mup's rules here are those of the Adam family"):
        mup().replace(optimizer="sgd")
    with pytest.raises(ValueError, match="parametrisation is 'maximal'; choose one of standard, mup"):
        mup(parametrisation="maximal")
    with pytest.raises(ValueError, match="base_width is 0; it must be at least 1"):
        mup(base_width=0)
