import pytest
import torch

from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer, train
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.optimizers import named_optimizer

TINY = RunConfig(model=ModelConfig(layers=2, width=16, heads=2, context=16), steps=3, batch_size=4, lr=0.25)


def one_weight(dtype=torch.float32):
    return [("weight", torch.nn.Parameter(torch.ones(1, dtype=dtype)))]


@pytest.mark.parametrize(
    "name, kind",
    [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("radam", torch.optim.RAdam)],
)
def test_a_named_optimizer_has_the_settings_of_its_config(name, kind):
    config = TINY.replace(optimizer=name, momentum=0.75, betas=(0.5, 0.875), eps=1e-3, weight_decay=0.125)
    optimizer = named_optimizer(config, one_weight())
    (group,) = optimizer.param_groups
    assert type(optimizer) is kind and (group["lr"], group["weight_decay"]) == (0.25, 0.125)
    if name == "sgd":
        assert group["momentum"] == 0.75
    else:
        assert (group["betas"], group["eps"]) == ((0.5, 0.875), 1e-3)


def test_one_step_of_each_is_the_one_worked_out_by_hand():
    # a weight of 1 with a gradient of 2, at a rate of 0.25: SGD moves by the rate times the gradient, Adam by the rate
    weights = {}
    for name in ("sgd", "adam", "adamw"):
        ((_, weight),) = parameters = one_weight()
        optimizer = named_optimizer(TINY.replace(optimizer=name), parameters)
        weight.grad = torch.full((1,), 2.0)
        optimizer.step()
        weights[name] = weight.item()
    assert weights == {"sgd": 0.5, "adam": pytest.approx(0.75), "adamw": pytest.approx(0.75)}


@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_adam_is_fused_on_fp32_weights_and_not_on_half_precision_ones(name):
    # a fused kernel computes in fp32 inside, and would hide what half-precision state does
    assert named_optimizer(TINY.replace(optimizer=name), one_weight()).defaults["fused"] is True
    for dtype in (torch.bfloat16, torch.float16):
        assert named_optimizer(TINY.replace(optimizer=name), one_weight(dtype)).defaults["fused"] is False


def test_half_precision_state_of_adam_is_in_half_precision():
    trainer = Trainer(TINY.replace(dtype="bf16", master_weights=False, steps=1))
    list(trainer.steps())
    assert all(state["exp_avg"].dtype == torch.bfloat16 for state in trainer.optimizer.state.values())


def test_an_optimizer_factory_can_tell_embeddings_gains_and_matrices_apart():
    """They come as (name, parameter) pairs: an embedding table is a matrix too, so that shapes would not do."""
    groups = {}

    def factory(named):
        groups["embeddings"] = [name for name, p in named if "embedding" in name]
        groups["gains"] = [name for name, p in named if "norm" in name and name.endswith(".weight")]
        groups["biases"] = [name for name, p in named if name.endswith(".bias")]
        groups["matrices"] = [name for name, p in named if p.ndim == 2 and "embedding" not in name]
        frozen = [p for name, p in named if "embedding" in name]
        moving = [p for name, p in named if "embedding" not in name]
        return torch.optim.SGD([{"params": moving}, {"params": frozen, "weight_decay": 0.5}], lr=0.1)

    trainer = Trainer(TINY, optimizer=factory)
    assert groups["embeddings"] == ["byte_embedding.weight", "position_embedding.weight"]
    assert groups["gains"] == [
        *(f"blocks.{layer}.{part}_norm.weight" for layer in range(2) for part in ("attention", "mlp")),
        "final_norm.weight",
    ]
    assert groups["matrices"] == [
        *(
            f"blocks.{layer}.{part}.weight"
            for layer in range(2)
            for part in ("attention.qkv", "attention.out", "mlp.up", "mlp.out")
        ),
        "head.weight",
    ]
    assert sum(map(len, groups.values())) == len(trainer.parameters)
    everything = [p for group in trainer.optimizer.param_groups for p in group["params"]]
    assert {id(p) for p in everything} == {id(p) for p in trainer.model.parameters()}
    list(trainer.steps())
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.25, 0.25]  # the schedule reaches every group


def test_pairs_can_be_handed_to_an_optimizer_of_pytorch_as_they_are():
    run = train(TINY, optimizer=lambda named: torch.optim.SGD(named, lr=0.1, momentum=0.9))
    assert run.column("loss") == train(TINY.replace(optimizer="sgd")).column("loss")
