"""What the probes of a4, a5 and a6 look at besides the answer itself: other objects, other runs, what lies around."""

import copy
import dataclasses
import importlib

import pytest
import torch

from autograder.reference import a4_detect_and_recover as right4
from autograder.reference import a5_adamw_accumulation_checkpointing as right5
from stabilitylab.exercises import a4_detect_and_recover as a4
from stabilitylab.exercises import a5_adamw_accumulation_checkpointing as a5
from stabilitylab.exercises import a6_capstone as a6
from stabilitylab.exercises import agree, in_one_process, questions

SEED = 11


def answer(assignment, grade_id, name, learner):
    question = questions(assignment)[grade_id]
    probe = next(probe for probe in question.probes if probe.name == name)
    return in_one_process(question, probe, learner, SEED), probe


def passes(assignment, grade_id, name, learner):
    """Whether a learner's answer to one probe is the reference's."""
    reference = importlib.import_module(f"autograder.reference.{assignment}")
    given, probe = answer(assignment, grade_id, name, learner)
    right, _ = answer(assignment, grade_id, name, getattr(reference, questions(assignment)[grade_id].target))
    assert "value" in right
    return agree(given, right, probe)


class SharesItsClipping(right4.StabilityMonitor):
    fired = right4.deque(maxlen=20)

    def __init__(self):
        super().__init__()
        self.fired = SharesItsClipping.fired


def test_monitors_that_share_one_memory_are_found_out_by_watching_at_once():
    assert not passes("a4_detect_and_recover", "monitor", "keeps_two_runs_apart", SharesItsClipping)
    assert passes("a4_detect_and_recover", "monitor", "notices_constant_clipping", right4.StabilityMonitor)


def test_a_monitor_cannot_change_a_record():
    with pytest.raises(dataclasses.FrozenInstanceError):
        a4.Seen(1, 2.0, 3.0, 1.0, True, 0.01).loss = 0.0


@pytest.mark.parametrize(("returned", "error"), [(None, "Nothing"), ("spike", "NotAList")])
def test_a_monitor_that_returns_no_list_is_told_apart_from_one_that_fails(returned, error):
    class Monitor:
        def observe(self, record):
            return returned

    given, _ = answer("a4_detect_and_recover", "monitor", "notices_bad_batches", Monitor)
    assert given["error"] == error


class KeepsTheStepBesideTheState(right4.Checkpoint):
    def __init__(self, job):
        super().__init__(job)
        self.step = self.state.pop("step")

    def restore(self, job):
        self.state["step"] = self.step
        super().restore(job)


class LeavesMomentsAlone(right4.Checkpoint):
    def restore(self, job):
        now = copy.deepcopy(job.optimizer.state_dict())
        super().restore(job)
        if not self.state["optimizer"]["state"]:
            job.optimizer.load_state_dict(now)


class ClearsGradients(right4.Checkpoint):
    def __init__(self, job):
        job.optimizer.zero_grad()
        super().__init__(job)


@pytest.mark.parametrize(
    ("name", "checkpoint"),
    [
        ("survives_a_file", KeepsTheStepBesideTheState),
        ("keeps_two_checkpoints_apart", LeavesMomentsAlone),
        ("saving_disturbs_nothing", ClearsGradients),
    ],
)
def test_a_checkpoint_that_forgets_one_thing_fails_where_it_shows(name, checkpoint):
    assert not passes("a4_detect_and_recover", "checkpoint", name, checkpoint)
    assert passes("a4_detect_and_recover", "checkpoint", "continues_in_a_fresh_job", checkpoint)


def test_what_a_job_began_with_is_handed_out_once():
    owner = a4.Owner(a4.random.Random(1), a4.random.Random(2))
    assert owner.reply("start")["weights"]
    with pytest.raises(ValueError, match="handed out before"):
        owner.reply("start")


def test_a_rollback_that_returns_no_list_is_said_to():
    given, _ = answer("a4_detect_and_recover", "rollback", "trains_on_when_nothing_is_bad", lambda *of: 7)
    assert given["value"][0] == "no list"


def test_an_accumulated_step_leaves_the_lists_it_was_given():
    def empties(loss_sum, micro_batches, parameters, optimizer, max_norm):
        given = list(micro_batches)
        if isinstance(micro_batches, list):
            micro_batches.clear()
        return right5.accumulated_step(loss_sum, given, parameters, optimizer, max_norm)

    assert not passes("a5_adamw_accumulation_checkpointing", "accumulated_step", "accepts_generators", empties)


@torch.no_grad()
def works_on_a_copy(parameter, grad, state, **settings):
    flat = parameter.flatten()
    right5.adamw_step(flat, grad.flatten(), state, **settings)


def test_a_parameter_may_lie_in_memory_in_any_order():
    name = "a5_adamw_accumulation_checkpointing"
    assert not passes(name, "adamw_step", "takes_a_parameter_and_leaves_its_gradient", works_on_a_copy)
    assert passes(name, "adamw_step", "takes_several_steps", works_on_a_copy)


def test_a_block_gives_other_numbers_when_it_runs_again():
    keeper = a5.Gatekeeper(a5.random.Random(1), a5.random.Random(2))
    before = keeper.reply(["run", "0"])
    keeper.reply(["backward"])
    assert keeper.reply(["run", "0"]) != before


def test_a_backward_pass_that_is_said_to_begin_twice_counts_for_nothing():
    keeper = a5.Gatekeeper(a5.random.Random(1), a5.random.Random(2))
    keeper.reply(["backward"])
    assert keeper.settle({"grad": 1.0}) == {"grad": 1.0}
    keeper.reply(["backward"])
    with pytest.raises(ValueError, match="once"):
        keeper.settle({"grad": 1.0})


def test_two_passes_may_be_under_way_before_their_backward_passes():
    inputs = []

    class LastOneFirst(torch.autograd.Function):
        @staticmethod
        def forward(ctx, block, x, *parameters):
            ctx.block = block
            inputs.append(x)
            ctx.save_for_backward(*parameters)
            return block(x)

        @staticmethod
        def backward(ctx, grad):
            x = inputs.pop().detach().requires_grad_()
            with torch.enable_grad():
                y = ctx.block(x)
            return None, *torch.autograd.grad(y, (x, *ctx.saved_tensors), grad)

    def checkpointed(blocks, x):
        for block in blocks:
            x = LastOneFirst.apply(block, x, *block.parameters())
        return x

    name = "a5_adamw_accumulation_checkpointing"
    assert passes(name, "checkpointed", "gives_the_gradients_of_the_parameters", checkpointed)
    assert not passes(name, "checkpointed", "adds_to_gradients", checkpointed)


def test_what_prepare_touched_is_named_down_to_the_part():
    before = a6.mission(1)
    given = a6._touched(before.replace(model__layers=1, lr=1e-3).to_dict(), a6.random.Random(3))
    assert "model.layers" in given["touched"] and "model.norm" not in given["touched"]


@pytest.mark.parametrize(("returned", "error"), [(None, a6.NoAction), (a6.Action(lr=float("nan")), a6.OutOfRange)])
def test_a_pilot_that_gives_no_usable_action_is_told_apart_from_one_that_fails(returned, error):
    class Pilot:
        def act(self, observation):
            return returned

    with pytest.raises(error):
        a6.fly(a6.mission(1), Pilot())
