import json
import math
from dataclasses import FrozenInstanceError, replace

import pytest
import torch
from torch import nn

from stabilitylab.training import telemetry
from stabilitylab.training.telemetry import (
    Run,
    StepMeter,
    StepRecord,
    global_norm,
    gradient_norm_by_layer,
    gradients,
    input_share,
    nonfinite_fraction,
    zero_fraction,
)

INF, NAN = math.inf, math.nan
HEALTHY = StepRecord(7, 2.5, 0.1, 1.0, 0.5, True, 0.01, 3.0, 0.0, 0.25, 1.0, False, 64, 0.125)


class Two(nn.Module):
    """A model small enough to work out by hand: a table of two bytes, and one matrix, at first (3, 4)."""

    def __init__(self):
        super().__init__()
        self.table, self.matrix = nn.Embedding(2, 1), nn.Linear(2, 1, bias=False)
        with torch.no_grad():
            self.table.weight.zero_()
        self.become(3.0, 4.0)

    def become(self, *weights):
        with torch.no_grad():
            self.matrix.weight.copy_(torch.tensor([weights]))

    def gradient(self, *elements):
        self.matrix.weight.grad = torch.tensor([elements])

    def max_attention_logit(self):
        return 7.5


def recorded(meter, **changes):
    about = {"step": 0, "loss": 2.5, "lr": 0.1, "loss_scale": 8.0, "skipped": False, "tokens": 64} | changes
    return meter.record(about.pop("step"), about.pop("loss"), **about)


def test_a_step_of_a_model_with_two_weights_is_measured_as_by_hand(monkeypatch):
    clock = iter([100.0, 102.5, 104.0])
    monkeypatch.setattr(telemetry.time, "perf_counter", lambda: next(clock))
    model = Two()
    meter = StepMeter(model, half_precision=False)
    model.gradient(0.6, 0.8)
    meter.backward_done()
    model.gradient(0.3, 0.4)
    meter.clip_done()
    model.become(2.7, 3.6)  # moved by 0.5, and 4.5 long
    first = recorded(meter, step=3)
    assert (first.step, first.loss, first.lr, first.loss_scale, first.skipped) == (3, 2.5, 0.1, 8.0, False)
    assert (first.grad_norm, first.clipped_norm) == (pytest.approx(1.0), pytest.approx(0.5)) and first.clipped
    assert first.update_ratio == pytest.approx(0.5 / 4.5, rel=1e-5)
    assert (first.max_attention_logit, first.nonfinite_fraction, first.flushed_fraction) == (7.5, 0.0, 0.0)
    assert (first.tokens, first.seconds) == (64, 2.5)

    model.gradient(0.0, 2.0)
    meter.backward_done()
    second = recorded(meter, step=4, tokens=10, skipped=True)  # nothing moved, and nothing clipped
    assert (second.update_ratio, second.grad_norm, second.clipped_norm, second.clipped) == (0.0, 2.0, 2.0, False)
    assert (second.tokens, second.seconds, second.skipped) == (74, 4.0, True)


@pytest.mark.parametrize("smaller, clipped", [(5e-7, False), (2e-6, True)])
def test_a_gradient_that_only_rounding_made_smaller_was_not_clipped(smaller, clipped):
    model = Two()
    meter = StepMeter(model, half_precision=False)
    model.gradient(3.0, 4.0)
    meter.backward_done()
    model.gradient(3.0 * (1 - smaller), 4.0 * (1 - smaller))
    meter.clip_done()
    assert recorded(meter).clipped is clipped


def test_weights_that_are_replaced_instead_of_changed_in_place_have_moved_too():
    model = Two()
    meter = StepMeter(model, half_precision=False)
    model.gradient(1.0, 0.0)
    meter.backward_done()
    for parameter in model.parameters():
        parameter.data = parameter.data * 1.5  # as optimizers written by hand do
    assert recorded(meter).update_ratio == pytest.approx(1 / 3, rel=1e-5)


def test_a_model_of_zeros_has_an_infinite_update_ratio():
    model = Two()
    meter = StepMeter(model, half_precision=False)
    model.become(0.0, 0.0)
    model.gradient(1.0, 1.0)
    meter.backward_done()
    assert recorded(meter).update_ratio == INF


@pytest.mark.parametrize("broken", [INF, -INF, NAN])
def test_the_share_of_broken_gradients_is_counted(broken):
    model = Two()
    meter = StepMeter(model, half_precision=False)
    model.gradient(broken, 1.0)
    meter.backward_done()
    record = recorded(meter)
    assert record.nonfinite_fraction == 0.5 and not math.isfinite(record.grad_norm) and record.nonfinite


def test_flushed_gradients_are_those_of_matrices_in_half_precision():
    shares = {}
    for half_precision in (False, True):
        model = Two()
        meter = StepMeter(model, half_precision)
        model.table.weight.grad = torch.zeros(2, 1)  # the rows of absent bytes are zero anyway
        model.gradient(0.0, 1e-30)
        meter.backward_done()
        shares[half_precision] = recorded(meter).flushed_fraction
    assert shares == {False: 0.0, True: 0.5}


def test_shares_and_norms_of_several_tensors_are_over_all_their_elements():
    tensors = [torch.tensor([0.0, 0.0, 3.0]), torch.tensor([[4.0], [0.0]])]
    assert zero_fraction(tensors) == 3 / 5
    assert nonfinite_fraction([torch.tensor([INF, NAN, 1.0]), torch.tensor([-INF, 0.0])]) == 3 / 5
    assert zero_fraction([torch.ones(1)]) == nonfinite_fraction([torch.ones(1)]) == 0.0
    assert zero_fraction([torch.zeros(1)]) == nonfinite_fraction([torch.full((1,), NAN)]) == 1.0
    assert zero_fraction([]) == nonfinite_fraction([]) == global_norm([]) == 0.0
    assert global_norm(tensors) == 5.0


def test_a_norm_is_a_number_as_long_as_its_elements_are():
    assert global_norm([torch.full((4,), 1e30)]) == pytest.approx(2e30)
    assert global_norm([torch.tensor([INF, 1.0])]) == INF
    assert math.isnan(global_norm([torch.tensor([NAN, 1.0])]))
    assert global_norm([torch.full((4,), 30000.0, dtype=torch.float16)]) == 60000.0
    assert global_norm([torch.full((16,), 30000.0, dtype=torch.float16)]) == pytest.approx(120000.0)  # beyond what fp16 holds


def test_parameters_without_a_gradient_are_left_out():
    with_one, without = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    with_one.grad = torch.full((2,), 5.0)
    assert [g.tolist() for g in gradients([without, with_one])] == [[5.0, 5.0]]


def test_gradient_norms_come_layer_by_layer():
    model = nn.Module()
    model.blocks = nn.ModuleList(Two() for _ in range(2))
    model.blocks[0].gradient(3.0, 4.0)
    model.blocks[1].gradient(0.0, 2.0)
    assert gradient_norm_by_layer(model) == [5.0, 2.0]


class Stack(nn.Module):
    """Three blocks that hand a table's rows on; the last one's output is that of the table."""

    def __init__(self, table):
        super().__init__()
        self.table = torch.tensor(table)
        self.blocks = nn.ModuleList(nn.Identity() for _ in range(3))
        self.graphs = []

    def forward(self, inputs):
        self.graphs.append(torch.is_grad_enabled())
        x = self.table[inputs]
        self.blocks[0](x * 0 + 1)
        self.blocks[1](x * 0 + 1)
        return self.blocks[2](x)


@pytest.mark.parametrize(
    "table, share",
    [
        ([[1.0, 0.0], [3.0, 0.0]], 0.2),  # variance 1 over a mean square of 5
        ([[2.0, 2.0], [2.0, 2.0]], 0.0),  # the same whatever it reads
        ([[-1.0, 2.0], [1.0, -2.0]], 1.0),  # nothing in common
        ([[1.0, -3.0], [3.0, 3.0]], 10 / 14),
    ],
)
def test_the_input_share_is_variance_over_mean_square(table, share):
    model = Stack(table)
    assert input_share(model, torch.tensor([[0, 1, 1], [1, 0, 0]])) == pytest.approx(share)
    assert model.graphs == [False] and not model.blocks[2]._forward_hooks  # it leaves nothing behind


def test_a_step_is_broken_by_its_loss_or_by_a_gradient_that_was_applied():
    assert not HEALTHY.nonfinite
    assert replace(HEALTHY, loss=INF).nonfinite and replace(HEALTHY, loss=NAN, skipped=True).nonfinite
    assert replace(HEALTHY, nonfinite_fraction=0.001).nonfinite
    assert not replace(HEALTHY, nonfinite_fraction=0.001, skipped=True).nonfinite


def test_a_run_gives_its_columns_and_refuses_one_it_does_not_have():
    run = Run("made up", {"seed": 3}, [HEALTHY, replace(HEALTHY, step=8, loss=2.0)], 3.26, 2.47)
    assert run.seed == 3 and run.column("loss") == [2.5, 2.0] and run.column("step") == [7, 8]
    with pytest.raises(ValueError, match=r"name is 'losses'; a record holds step, loss, lr, .*, seconds"):
        run.column("losses")


def test_a_run_comes_back_from_json_with_its_kinds():
    run = Run("made up", {"seed": 3}, [replace(HEALTHY, loss=INF), replace(HEALTHY, grad_norm=NAN, clipped=False)], 3.26, 2.47)
    data = json.loads(json.dumps(run.to_dict(), allow_nan=False))
    back = Run.from_dict(data)
    assert (back.label, back.config, back.unigram, back.bigram) == ("made up", {"seed": 3}, 3.26, 2.47)
    assert [repr(record) for record in back.records] == [repr(record) for record in run.records]


def test_columns_that_were_not_kept_are_empty_of_their_kind():
    data = {
        "label": "old",
        "config": {"seed": 0},
        "unigram": 3.26,
        "bigram": 2.47,
        "columns": {"step": [0, 1], "loss": [5.5, "nan"]},
    }
    first, second = Run.from_dict(data).records
    assert (first.step, first.loss, first.tokens, first.clipped, first.skipped) == (0, 5.5, 0, False, False)
    assert second.step == 1 and math.isnan(second.loss) and math.isnan(second.grad_norm)


def test_the_uniform_guess_is_that_of_the_vocabulary_and_comes_back_from_json():
    of_bytes = Run("made up", {"seed": 3}, [HEALTHY], 3.26, 2.47)
    assert of_bytes.uniform == math.log(256) and "vocabulary" not in of_bytes.to_dict()
    for vocabulary, uniform in ((50257, math.log(50257)), (None, NAN)):
        other = Run("made up", {}, [HEALTHY], NAN, NAN, vocabulary)
        back = Run.from_dict(json.loads(json.dumps(other.to_dict(), allow_nan=False)))
        assert back.vocabulary == vocabulary and str(back.uniform) == str(uniform) and math.isnan(back.unigram)


def test_a_run_is_read_from_a_log(tmp_path):
    path = tmp_path / "tuning.csv"
    path.write_text("step,my loss,lr\n0,2.5,0.1\n5,2.0,\n")
    run = Run.read(path, loss="my loss", vocabulary=32000, unigram=7.1)
    assert (run.label, run.column("step"), run.column("loss")) == ("tuning", [0, 5], [2.5, 2.0])
    assert (run.vocabulary, run.unigram) == (32000, 7.1) and math.isnan(run.bigram) and math.isnan(run.column("lr")[1])


def test_what_was_recorded_stands():
    with pytest.raises(FrozenInstanceError):
        replace(HEALTHY).loss = 0.0
    with pytest.raises(FrozenInstanceError):
        Run("made up", {"seed": 3}, [HEALTHY], 3.26, 2.47).label = "another"
