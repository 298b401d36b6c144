import json
import math

import pytest
import torch
import torch.nn.functional as F

from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import PATHOLOGIES, Injection, load
from stabilitylab.training.loop import Trainer, train
from stabilitylab.training.model import ModelConfig
from stabilitylab.training.precision import StaticLossScaler

TINY = RunConfig(model=ModelConfig(layers=2, width=16, heads=2, context=16), steps=12, batch_size=4, lr=1e-3)


def test_the_same_config_gives_the_same_run_and_another_seed_another():
    assert train(TINY).column("loss") == train(TINY).column("loss")
    assert train(TINY).column("loss") != train(TINY.replace(seed=1)).column("loss")


def test_a_run_leaves_the_global_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(TINY)
    assert torch.equal(torch.rand(3), expected)


def test_a_run_learns_and_is_judged_on_text_it_has_not_seen():
    trainer = Trainer(TINY.replace(steps=150, lr=1e-2, warmup_steps=20))
    before = trainer.validation_loss()
    list(trainer.steps())
    assert trainer.validation_loss() < before - 1.5


def test_what_is_recorded_is_what_happened():
    trainer = Trainer(TINY.replace(optimizer="sgd", momentum=0.0, lr=0.5, steps=2))
    weights = [p.detach().clone() for p in trainer.parameters]
    loss = trainer.loss(*trainer.batches(0)).item()
    steps = trainer.steps()
    first = next(steps)
    moved = math.sqrt(sum(((p.detach() - w) ** 2).sum().item() for p, w in zip(trainer.parameters, weights)))
    size = math.sqrt(sum((p.detach() ** 2).sum().item() for p in trainer.parameters))
    assert first.loss == pytest.approx(loss)
    assert moved == pytest.approx(0.5 * first.grad_norm, rel=1e-3)  # plain SGD: the update is lr times the gradient
    assert first.update_ratio == pytest.approx(moved / size, rel=1e-3)
    assert (first.step, first.lr, first.tokens, first.loss_scale, first.clipped, first.skipped) == (0, 0.5, 64, 1.0, False, False)
    assert next(steps).tokens == 128


def test_clipping_sees_the_limit_acts_before_the_step_and_is_measured_not_believed():
    seen = []

    def halve(parameters, max_norm):
        seen.append(max_norm)
        for p in parameters:
            p.grad.mul_(0.5)
        return "nonsense"

    run = train(TINY.replace(clip_norm=0.7, optimizer="sgd", lr=0.1), clip=halve)
    assert seen == [0.7] * 12
    for record in run.records:
        assert record.clipped and record.clipped_norm == pytest.approx(record.grad_norm / 2, rel=1e-4)


def test_pytorch_clipping_is_the_default_and_fires_only_above_the_limit():
    loose = train(TINY.replace(clip_norm=1e6))
    tight = train(TINY.replace(clip_norm=0.01))
    assert loose.column("loss") == train(TINY).column("loss") and not any(loose.column("clipped"))
    assert all(tight.column("clipped"))
    assert max(tight.column("clipped_norm")) == pytest.approx(0.01, rel=1e-3)


def test_a_clip_function_without_a_limit_is_refused():
    with pytest.raises(ValueError, match="clip_norm is None"):
        Trainer(TINY, clip=torch.nn.utils.clip_grad_norm_)


def test_schedule_optimizer_and_batches_can_be_replaced():
    run = train(TINY, schedule=lambda step: 0.001 * (step + 1))
    assert run.column("lr") == pytest.approx([0.001 * (step + 1) for step in range(12)])
    same = Trainer(TINY).batches(0)
    overfit = train(TINY.replace(steps=60, lr=1e-2), batches=lambda step: same)
    assert overfit.records[-1].loss < 2.5
    custom = train(TINY, optimizer=lambda parameters: torch.optim.Adagrad(parameters, lr=0.1))
    assert custom.column("loss") != train(TINY).column("loss")


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw", "radam"])
def test_every_named_optimizer_trains(optimizer):
    run = train(TINY.replace(optimizer=optimizer, lr=0.3 if optimizer == "sgd" else 1e-2, steps=40))
    assert run.records[-1].loss < run.records[0].loss - 0.3


def test_a_loss_scale_changes_nothing_in_fp32():
    scaled = train(TINY.replace(loss_scale=1024.0))
    assert scaled.column("loss") == pytest.approx(train(TINY).column("loss"), rel=1e-5)
    assert scaled.column("grad_norm") == pytest.approx(train(TINY).column("grad_norm"), rel=1e-4)
    assert scaled.records[0].loss_scale == 1024


def test_a_scaler_can_skip_a_step_and_is_told():
    class SkipsOdd(StaticLossScaler):
        def __init__(self):
            super().__init__()
            self.asked, self.told = 0, []

        def unscale_(self, parameters):
            self.asked += 1
            return self.asked % 2 == 0

        def update(self, found_inf):
            self.told.append(found_inf)

    scaler = SkipsOdd()
    run = train(TINY, scaler=scaler)
    assert run.column("skipped") == scaler.told == [False, True] * 6
    assert all((record.update_ratio == 0) == record.skipped for record in run.records)


def test_injected_batches_reach_the_model_at_their_steps_only():
    clean, dirty = train(TINY), train(TINY.replace(injections=(Injection("random_bytes", (6,)),)))
    differs = [a != b for a, b in zip(clean.column("loss"), dirty.column("loss"))]
    assert differs == [False] * 6 + [True] * 6


def test_a_nonfinite_run_stops_or_goes_on_as_asked():
    hot = TINY.replace(optimizer="sgd", lr=1e30, momentum=0.0)
    going, stopping = train(hot), train(hot.replace(on_nonfinite="stop"))
    assert len(going.records) == 12
    assert len(stopping.records) < 12 and stopping.records[-1].nonfinite
    assert not any(record.nonfinite for record in stopping.records[:-1])


def test_a_huge_gradient_norm_is_reported_as_a_number():
    from stabilitylab.training.telemetry import global_norm

    assert global_norm([torch.full((4,), 1e30)]) == pytest.approx(2e30)
    assert global_norm([torch.tensor([float("inf")])]) == math.inf
    assert global_norm([]) == 0.0


def test_runs_survive_json():
    from stabilitylab.training.telemetry import Run

    run = train(TINY.replace(optimizer="sgd", lr=1e30, steps=4))
    back = Run.from_dict(json.loads(json.dumps(run.to_dict(), allow_nan=False)))
    assert RunConfig.from_dict(back.config) == RunConfig.from_dict(run.config) == TINY.replace(optimizer="sgd", lr=1e30, steps=4)
    assert [repr(v) for v in back.column("loss")] == [repr(v) for v in run.column("loss")]
    assert back.column("clipped") == run.column("clipped")


@pytest.mark.parametrize(
    "bad",
    [
        {"steps": 0},
        {"batch_size": -1},
        {"optimizer": "lion"},
        {"clip_norm": 0.0},
        {"dtype": "fp8"},
        {"on_nonfinite": "ignore"},
        {"warmup_steps": 13},
        {"decay": "exp"},
    ],
)
def test_impossible_settings_are_refused_by_name(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=f"^{name} is "):
        TINY.replace(**bad)


def test_replace_reaches_into_the_model():
    changed = TINY.replace(model__norm="post", lr=0.5)
    assert (changed.model.norm, changed.model.width, changed.lr) == ("post", 16, 0.5)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_a_run_resumed_from_a_checkpoint_is_the_run_that_never_stopped(optimizer):
    config = TINY.replace(optimizer=optimizer, warmup_steps=4)
    trainer = Trainer(config)
    steps = trainer.steps()
    losses = [next(steps).loss for _ in range(6)]
    checkpoint = trainer.state()
    first = [record.loss for record in steps]
    trainer.restore(checkpoint)
    again = [record.loss for record in trainer.steps(first=6)]
    fresh = Trainer(config)
    fresh.restore(checkpoint)  # the first restore must not have changed the checkpoint
    assert first == again == [record.loss for record in fresh.steps(first=6)]
    assert losses + first == train(config).column("loss")


def test_z_loss_is_minimised_and_not_reported():
    plain, penalised = Trainer(TINY.replace(steps=60, lr=1e-2)), Trainer(TINY.replace(steps=60, lr=1e-2, z_loss=0.1))
    first, other = next(plain.steps()), next(penalised.steps())
    assert first.loss == other.loss and first.grad_norm != other.grad_norm
    drift = []
    for trainer in (plain, penalised):
        list(trainer.steps(first=1))
        drift.append(trainer.logits(trainer.batches(0).inputs).logsumexp(dim=1).square().mean().item())
    assert drift[1] < drift[0] / 2
    with pytest.raises(ValueError, match="z_loss is -1"):
        TINY.replace(z_loss=-1)


def ignorant(config=TINY):
    """A trainer whose model gives every byte the same logit."""
    trainer = Trainer(config)
    with torch.no_grad():
        trainer.model.head.weight.zero_()
    return trainer


def test_a_model_that_knows_nothing_has_a_loss_of_ln_256():
    trainer = ignorant()
    assert trainer.loss(*trainer.batches(0)).item() == pytest.approx(math.log(256))
    assert trainer.validation_loss() == pytest.approx(math.log(256))


@pytest.mark.parametrize("asked, batches", [({}, 8), ({"batches": 3}, 3), ({"batches": 1}, 1)])
def test_the_validation_loss_is_the_mean_over_the_first_held_out_batches_of_seed_0(asked, batches):
    trainer = Trainer(TINY.replace(seed=5))
    held_out = load().batches(TINY.batch_size, TINY.model.context, seed=0, split="validation")
    losses = [trainer.loss(*held_out(step)).item() for step in range(batches)]
    assert trainer.validation_loss(**asked) == pytest.approx(sum(losses) / len(losses), rel=1e-6)


def test_judging_a_run_builds_no_graph():
    trainer, graphs = Trainer(TINY), []
    trainer.model.register_forward_hook(lambda *_: graphs.append(torch.is_grad_enabled()))
    trainer.validation_loss(batches=1)
    trainer.loss(*trainer.batches(0))
    assert graphs == [False, True]


def test_the_loss_is_the_mean_cross_entropy_of_every_byte():
    trainer = Trainer(TINY)
    inputs, targets = trainer.batches(0)
    by_byte = trainer.model(inputs).log_softmax(dim=-1).gather(2, targets[..., None])
    assert trainer.loss(inputs, targets).item() == pytest.approx(-by_byte.mean().item(), rel=1e-6)
    assert trainer.logits(inputs).shape == (4 * 16, 256) and trainer.logits(inputs).dtype == torch.float32
    assert Trainer(TINY.replace(dtype="bf16")).logits(inputs).dtype == torch.float32


def test_the_z_loss_adds_its_coefficient_times_the_mean_square_of_logsumexp():
    trainer = Trainer(TINY.replace(z_loss=0.25, optimizer="sgd", steps=1))
    inputs, targets = trainer.batches(0)
    logits = trainer.model(inputs).flatten(0, 1)
    objective = F.cross_entropy(logits, targets.flatten()) + 0.25 * (logits.logsumexp(dim=-1) ** 2).mean()
    gradients = torch.autograd.grad(objective, trainer.parameters)
    by_hand = math.sqrt(sum((g**2).sum().item() for g in gradients))
    assert next(trainer.steps()).grad_norm == pytest.approx(by_hand, rel=1e-5)


def test_steps_are_counted_from_zero_and_their_rate_is_that_of_the_step():
    config = TINY.replace(lr=0.5, warmup_steps=10)
    assert train(config).column("step") == list(range(12))
    run = train(config.replace(optimizer="sgd", momentum=0.0))
    assert run.column("lr") == pytest.approx([0.05 * min(step, 10) for step in range(12)])
    moved = [record.update_ratio / record.grad_norm for record in run.records]  # the optimizer used that rate, too
    assert moved[0] == 0 and [ratio / moved[1] for ratio in moved[:4]] == pytest.approx([0, 1, 2, 3], rel=1e-2)
    late = list(Trainer(config).steps(first=9))
    assert [(record.step, record.lr) for record in late] == [(9, pytest.approx(0.45)), (10, 0.5), (11, 0.5)]
    assert late[-1].tokens == 3 * 64  # what this call trained on


def test_a_run_uses_one_thread_whatever_was_set():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        next(Trainer(TINY).steps())
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_gradients_do_not_pile_up_from_step_to_step():
    still = TINY.replace(steps=3, lr=1e-30, optimizer="sgd")
    same = Trainer(TINY).batches(0)
    norms = train(still, batches=lambda step: same).column("grad_norm")
    assert norms == pytest.approx([norms[0]] * 3, rel=1e-6)


def test_the_order_is_scale_backward_unscale_clip_step_update():
    happened = []

    class Told(StaticLossScaler):
        def scale(self, loss):
            happened.append("scale")
            return super().scale(loss)

        def unscale_(self, parameters):
            happened.append("unscale" if parameters[0].grad is not None else "unscale before backward")
            return super().unscale_(parameters)

        def update(self, found_inf):
            happened.append("update")

    class Stepping(torch.optim.SGD):
        def step(self, closure=None):
            happened.append("step")

    def clip(parameters, max_norm):
        happened.append("clip")

    train(TINY.replace(steps=1, clip_norm=1.0), scaler=Told(), clip=clip, optimizer=lambda named: Stepping(named, lr=0.1))
    assert happened == ["scale", "unscale", "clip", "step", "update"]


def test_a_run_stops_after_recording_the_step_that_broke_if_asked():
    config = TINY.replace(on_nonfinite="stop")
    broken = torch.nn.Parameter(torch.full((256, 16), math.nan))
    trainer = Trainer(config)
    trainer.model.head.weight = broken
    assert [record.nonfinite for record in trainer.steps()] == [True]
    trainer = Trainer(config.replace(on_nonfinite="continue", steps=3))
    trainer.model.head.weight = broken
    assert [record.nonfinite for record in trainer.steps()] == [True] * 3


def test_a_trainer_builds_what_its_config_describes():
    config = TINY.replace(loss_scale=8.0, min_distinct_bytes=12, lr=0.25, warmup_steps=4, seed=3)
    trainer = Trainer(config)
    source = load().batches(4, 16, seed=3, min_distinct_bytes=12)
    assert all(torch.equal(trainer.batches(step).inputs, source(step).inputs) for step in range(5))
    assert trainer.scaler.loss_scale == 8.0 and trainer.schedule(1) == 0.0625 and trainer.config is config
    assert {p.dtype for p in Trainer(config.replace(dtype="fp16")).parameters} == {torch.float32}
    assert {p.dtype for p in Trainer(config.replace(dtype="fp16", master_weights=False)).parameters} == {torch.float16}
    mine = Trainer(TINY.replace(seed=9)).model
    assert Trainer(TINY, model=mine).model is mine


def test_a_run_carries_its_settings_its_label_and_the_reference_lines_of_its_text():
    run = train(TINY.replace(steps=1))
    assert (run.label, run.config) == ("run", TINY.replace(steps=1).to_dict())
    assert (run.unigram, run.bigram) == (load().unigram_entropy, load().bigram_entropy)
    assert train(TINY.replace(steps=1), "hot").label == "hot"


def test_a_run_trains_on_the_file_it_names(tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"ab" * 1000)
    run = train(TINY.replace(text=str(tmp_path / "mine.txt"), steps=40, lr=1e-2))
    assert run.unigram == pytest.approx(math.log(2)) and run.records[-1].loss < 1


def test_a_checkpoint_is_a_copy():
    trainer = Trainer(TINY)
    checkpoint = trainer.state()
    before = {name: value.clone() for name, value in checkpoint["model"].items()}
    list(trainer.steps())
    assert all(torch.equal(checkpoint["model"][name], value) for name, value in before.items())
    assert any(not torch.equal(trainer.model.state_dict()[name], value) for name, value in before.items())


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "sgd", "decay": "cosine", "model__norm": "post", "model__init": "xavier"},
        {"optimizer": "radam", "decay": "linear", "model__norm": "none", "model__init": "torch"},
        {"optimizer": "adamw", "decay": "wsd", "model__norm_type": "rmsnorm", "model__activation": "silu"},
        {"decay": "inverse_sqrt", "dtype": "fp16"},
        {"decay": "constant", "warmup_steps": 1, "optimizer": "sgd", "lr": 1e30, "on_nonfinite": "stop"},
        *({"injections": (Injection(kind, (1,)),)} for kind in PATHOLOGIES),
    ],
)
def test_a_run_read_from_a_file_is_the_same_run(changes):
    config = TINY.replace(**{"steps": 4, "clip_norm": 1.0} | changes)
    read = RunConfig.from_dict(json.loads(json.dumps(config.to_dict())))
    assert read == config
    run, again = train(config), train(read)
    for name in ("loss", "lr", "flushed_fraction"):
        assert list(map(repr, again.column(name))) == list(map(repr, run.column(name)))
