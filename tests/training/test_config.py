import dataclasses
import math
import re

import pytest

from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.model import ModelConfig


def test_what_is_left_out_is_a_small_plain_adam_run():
    model = ModelConfig(layers=4, width=32, heads=2, context=32, norm="pre", norm_type="layernorm", qk_norm=False, init="gpt2",
                        init_gain=1.0, residual_scaling=False, activation="gelu", tied_head=False)  # fmt: skip
    assert RunConfig() == RunConfig(
        model=model, steps=200, batch_size=8, optimizer="adam", lr=1e-3, warmup_steps=0, decay="constant", momentum=0.9,
        betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0, clip_norm=None, dtype="fp32", master_weights=True, loss_scale=1.0,
        z_loss=0.0, seed=0, text=None, min_distinct_bytes=0, injections=(), on_nonfinite="continue", device="cpu",
    )  # fmt: skip


@pytest.mark.parametrize(
    "smallest", [{"steps": 1}, {"batch_size": 1}, {"z_loss": 0.0}, {"clip_norm": 1e-9}, {"clip_norm": None}, {"lr": 1e-9}]
)
def test_the_smallest_value_that_means_something_is_taken(smallest):
    ((name, value),) = smallest.items()
    assert getattr(RunConfig().replace(**smallest), name) == value


@pytest.mark.parametrize(
    "name, value, remedy",
    [
        ("steps", 0, "at least 1"),
        ("batch_size", 0, "at least 1"),
        ("optimizer", "lion", "choose one of sgd, adam, adamw, radam"),
        ("dtype", "fp8", "choose one of fp32, fp16, bf16"),
        ("on_nonfinite", "ignore", "choose one of continue, stop"),
        ("z_loss", -1e-9, "a small positive number such as 1e-4"),
        ("z_loss", math.inf, "a small positive number such as 1e-4"),
        ("z_loss", math.nan, "a small positive number such as 1e-4"),
        ("clip_norm", 0.0, "above 0, or None"),
        ("clip_norm", -1.0, "above 0, or None"),
        ("clip_norm", math.nan, "above 0, or None"),
        ("warmup_steps", 201, "between 0 and 200"),
        ("decay", "step", "choose one of constant, cosine"),
    ],
)
def test_a_refused_setting_is_named_with_its_value_and_what_would_do(name, value, remedy):
    with pytest.raises(ValueError, match=f"^{name} is {re.escape(repr(value))}; .*{remedy}"):
        RunConfig().replace(**{name: value})


def test_a_config_is_plain_data_and_comes_back_equal():
    config = RunConfig(
        model=ModelConfig(layers=1, qk_norm=True), betas=(0.8, 0.95), injections=(Injection("one_label", (3, 4)),), clip_norm=1.0
    )
    data = config.to_dict()
    assert data["model"]["layers"] == 1 and data["injections"] == ({"kind": "one_label", "steps": (3, 4)},)
    as_read = data | {"betas": list(config.betas), "injections": [{"kind": "one_label", "steps": [3, 4]}]}
    assert RunConfig.from_dict(data) == RunConfig.from_dict(as_read) == config
    assert hash(RunConfig.from_dict(as_read)) == hash(config)
    del as_read["injections"]
    assert RunConfig.from_dict(as_read).injections == ()


def test_replace_changes_what_it_names_and_nothing_else():
    config = RunConfig(lr=0.5)
    assert config.replace(steps=7) == RunConfig(lr=0.5, steps=7)
    deeper = config.replace(model=ModelConfig(width=64), model__layers=8)
    assert deeper.model == ModelConfig(width=64, layers=8) and deeper.lr == 0.5
    assert config == RunConfig(lr=0.5)
    with pytest.raises(TypeError):
        config.replace(learning_rate=1.0)


def test_settings_cannot_be_changed_behind_the_back_of_their_checks():
    with pytest.raises(dataclasses.FrozenInstanceError):
        RunConfig().steps = 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().layers = 0


def test_the_schedule_is_the_one_that_is_described():
    rate = RunConfig(lr=0.5, warmup_steps=10, decay="linear", steps=110).schedule()
    assert [rate(step) for step in (0, 5, 10, 60, 110)] == [0.0, 0.25, 0.5, 0.25, 0.0]
