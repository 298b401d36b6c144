import dataclasses

import pytest

from stabilitylab.figures import controls
from stabilitylab.training.config import OPTIMIZERS, RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.model import CHOICES
from stabilitylab.training.precision import DTYPES
from stabilitylab.training.schedules import DECAYS

PLAIN = RunConfig()
BAD = (Injection("repeated_byte", (4, 5)),)
FIELDS = [control.field for control in controls.CONTROLS]


def test_a_title_says_what_is_unusual_about_a_run_in_the_order_of_the_controls():
    assert controls.describe(PLAIN) == "adam, LR 0.001, pre-LN, 4 layers, seed 0"
    unusual = PLAIN.replace(
        optimizer="sgd",
        lr=0.2,
        warmup_steps=40,
        decay="inverse_sqrt",
        clip_norm=0.5,
        betas=(0.9, 0.95),
        weight_decay=0.1,
        dtype="fp16",
        loss_scale=1024.0,
        injections=BAD,
        seed=3,
        model__norm="none",
        model__qk_norm=True,
        model__layers=6,
    )
    assert controls.describe(unusual) == (
        "sgd, LR 0.2, warmup 40, inverse sqrt, clip 0.5, beta2 0.95, weight decay 0.1, loss scale 2^10, no norms, QK-norm, "
        "6 layers, fp16, 2 bad batches, seed 3"
    )


@pytest.mark.parametrize("scale, said", [(1024.0, "2^10"), (2.0**-3, "2^-3"), (1000.0, "1000"), (1.0, "1")])
def test_a_loss_scale_is_named_as_people_write_it(scale, said):
    shown = dict(controls.made_for(PLAIN.replace(loss_scale=scale), ["loss_scale"])["loss_scale"].options)
    assert shown[said] == scale


def test_every_control_holds_what_a_run_is_configured_with_and_gives_it_back():
    unusual = PLAIN.replace(
        optimizer="radam",
        lr=0.01,
        warmup_steps=500,
        decay="wsd",
        clip_norm=0.5,
        momentum=0.5,
        betas=(0.8, 0.98),
        weight_decay=0.3,
        loss_scale=2.0**16,
        dtype="bf16",
        master_weights=False,
        batch_size=40,
        injections=BAD,
        steps=600,
        seed=77,
        model__norm="post",
        model__qk_norm=True,
        model__init="torch",
        model__layers=30,
    )
    for config in (PLAIN, unusual):
        assert controls.settings(controls.made_for(config, FIELDS), PLAIN) == config


def test_a_panel_shows_the_usual_controls_unless_it_is_told_which():
    usual = ["optimizer", "lr", "warmup_steps", "decay", "clip_norm", "model__norm", "model__layers", "dtype", "steps", "seed"]
    assert list(controls.made_for(PLAIN)) == usual
    assert list(controls.made_for(PLAIN, ["seed", "lr"])) == ["seed", "lr"]


def test_a_menu_offers_every_choice_that_a_run_has():
    made = controls.made_for(PLAIN, FIELDS)
    offered = {field: [value for _, value in made[field].options] for field in ("decay", "optimizer", "model__norm", "dtype")}
    assert offered["decay"] == list(DECAYS) and offered["optimizer"] == list(OPTIMIZERS)
    assert offered["model__norm"] == list(CHOICES["norm"]) and offered["dtype"] == list(DTYPES)
    assert dict(made["decay"].options)["inverse square root"] == "inverse_sqrt"


def test_off_means_no_clipping():
    made = controls.made_for(PLAIN.replace(clip_norm=1.0), ["clip_norm"])
    made["clip_norm"].value = 0.0
    assert controls.settings(made, PLAIN).clip_norm is None


def test_an_unknown_control_is_refused_by_name():
    with pytest.raises(ValueError, match=r"controls holds 'dropout'; choose from optimizer, lr"):
        controls.made_for(PLAIN, ["lr", "dropout"])


def test_every_control_sets_a_field_that_a_run_has():
    model = {f"model__{field.name}" for field in dataclasses.fields(PLAIN.model)}
    assert set(FIELDS) <= model | {field.name for field in dataclasses.fields(PLAIN)}
    assert len(set(FIELDS)) == len(FIELDS)
