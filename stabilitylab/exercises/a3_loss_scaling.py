"""What assignment a3_loss_scaling asks: a dynamic loss scaler, the step around it, and an fp16 run to rescue."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, RuledOut, quiz
from stabilitylab.exercises.a1_clipping import SHAPES, grads, number, tensor
from stabilitylab.experiments.precision.fp16_underflow import FP16

LIBRARY_SCALERS = (
    "torch.amp.GradScaler",
    "torch.amp.grad_scaler.GradScaler",
    "torch.GradScaler",
    "torch.cuda.amp.GradScaler",
    "torch.cuda.amp.grad_scaler.GradScaler",
    "stabilitylab.training.precision.DynamicLossScaler",
)
SCALERS = (*LIBRARY_SCALERS, "stabilitylab.training.precision.StaticLossScaler")
_GRAD_SCALER = torch.amp.GradScaler

UNDERFLOWING = FP16.replace(steps=150)
"""A healthy little Transformer in fp16; divide its loss by ``COUNT`` and most of its gradient is flushed to zero."""

COUNT = 4096


def made(kind: Any, *args: float, **kwargs: float) -> Any:
    """A scaler of the learner's class, which may not be the library's under another name."""
    if isinstance(kind, type) and issubclass(kind, _GRAD_SCALER):
        raise RuledOut("a subclass of torch.amp.GradScaler is ruled out here; write the class yourself")
    return kind(*args, **kwargs)


def truth(value: Any) -> Any:
    """A verdict may come back as a bool, a number or a tensor with one element; nothing at all is not a verdict."""
    value = number(value)
    return bool(value) if isinstance(value, (bool, int, float, np.bool_)) else value


def scale_of(loss_scale: Any) -> Any:
    """A loss scale may be any kind of number."""
    loss_scale = number(loss_scale)
    return float(loss_scale) if isinstance(loss_scale, (int, float)) else loss_scale


def scaled_parameters(rng: random.Random, scale: float, missing: tuple[int, ...] = ()) -> list[nn.Parameter]:
    """Parameters whose gradients still carry a loss scale: without it they are of size 1."""
    parameters = [nn.Parameter(tensor(rng, shape)) for shape in SHAPES]
    for i, p in enumerate(parameters):
        p.grad = None if i in missing else tensor(rng, tuple(p.shape), scale=scale)
    return parameters


def spoil(parameters: Sequence[nn.Parameter], which: int, value: float, rng: random.Random) -> None:
    """Overwrites one element of one gradient."""
    grad = parameters[which].grad
    assert grad is not None
    grad.view(-1)[rng.randrange(grad.numel())] = value


def multiplies_the_loss(kind, rng):
    seen = []
    for scale in (rng.uniform(2.0, 9.0), rng.uniform(1000.0, 9000.0)):
        w = nn.Parameter(tensor(rng, (4,)))
        loss = (w * tensor(rng, (4,))).sum()
        scaled = made(kind, scale, 2.0, 0.5, 2000).scale(loss)
        scaled.backward()
        seen.append({"scaled": number(scaled), "loss": loss.item(), "grad": w.grad})
    return seen


def divides_the_gradients(kind, rng):
    seen = []
    for scale in (rng.uniform(2.0, 9.0), rng.uniform(1000.0, 9000.0)):
        parameters = scaled_parameters(rng, scale)
        made(kind, init_scale=scale, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000).unscale_(parameters)
        seen.append({"grads": grads(parameters), "weights": [p.detach() for p in parameters]})
    return seen


def works_in_place(kind, rng):
    scale = rng.uniform(5.0, 5000.0)
    parameters = scaled_parameters(rng, scale)
    held = grads(parameters)  # an optimizer, or another process, may hold the same tensors
    made(kind, scale, 2.0, 0.5, 2000).unscale_(parameters)
    return held


def shuffled(rng: random.Random, *values: Any) -> list[Any]:
    """The values in an order that only the seed tells: a list of verdicts in a known order could be recited."""
    return rng.sample(values, len(values))


def _verdicts(kind: Any, rng: random.Random, values: tuple[float, ...]) -> list[Any]:
    """Verdicts on a bad element in the first, in a middle and in the last tensor, and on gradients without any."""
    places = (0, rng.randrange(1, len(SHAPES) - 1), len(SHAPES) - 1)
    seen = []
    for which in shuffled(rng, *places, *places, None, None, None, None, None, None):
        scale = 2.0 ** rng.randrange(1, 12)
        parameters = scaled_parameters(rng, scale)
        if which is not None:
            spoil(parameters, which, rng.choice(values), rng)
        seen.append(truth(made(kind, scale, 2.0, 0.5, 2000).unscale_(parameters)))
    return seen


def finds_inf_anywhere(kind, rng):
    return _verdicts(kind, rng, (math.inf, -math.inf))


def finds_nan_anywhere(kind, rng):
    return _verdicts(kind, rng, (math.nan,))


def gives_no_false_alarm(kind, rng):
    size, huge = rng.randrange(40, 80), rng.uniform(1.6e38, 2.4e38)
    signs = torch.tensor([1.0, -1.0]).repeat(size)
    finite = (
        torch.full((size,), huge),  # all finite; their sum is not
        1e30 * signs,  # all finite; the sum of their squares is not
        tensor(rng, (size,), scale=1e6),  # all finite, and far above fp16's largest number
    )
    cancelling = torch.cat([torch.tensor([math.inf, -math.inf]), tensor(rng, (size,))])  # infinite, and it seems to cancel
    seen = []
    for case in shuffled(rng, *finite, *finite, *[cancelling] * 6):
        p = nn.Parameter(torch.zeros_like(case))
        p.grad = case.clone()
        seen.append(truth(made(kind, 2.0, 2.0, 0.5, 2000).unscale_([p])))
    return seen


def divides_in_spite_of_inf(kind, rng):
    scale = rng.uniform(5.0, 5000.0)
    parameters = scaled_parameters(rng, scale)
    spoil(parameters, 0, math.inf, rng)
    made(kind, scale, 2.0, 0.5, 2000).unscale_(parameters)
    return grads(parameters)


def skips_missing_gradients(kind, rng):
    seen = []
    for bad in (False, True):
        scale = rng.uniform(5.0, 5000.0)
        parameters = scaled_parameters(rng, scale, missing=(1,))
        if bad:
            spoil(parameters, 3, math.inf, rng)
        found = truth(made(kind, scale, 2.0, 0.5, 2000).unscale_(parameters))
        seen.append({"found": found, "grads": grads(parameters)})
    return seen


def accepts_a_generator(kind, rng):
    scale = rng.uniform(5.0, 5000.0)
    parameters = scaled_parameters(rng, scale)
    spoil(parameters, 3, -math.inf, rng)
    found = truth(made(kind, scale, 2.0, 0.5, 2000).unscale_(p for p in parameters))
    return {"found": found, "grads": grads(parameters)}


def works_in_half_precision(kind, rng):
    seen = []
    for scale in (2.0**10, 2.0**17):  # the second is above fp16's largest number
        p = nn.Parameter(torch.zeros(6, dtype=torch.float16))
        p.grad = held = torch.tensor([rng.choice((-1, 1)) * rng.uniform(2e3, 6e4) for _ in range(6)]).half()
        found = truth(made(kind, scale, 2.0, 0.5, 2000).unscale_([p]))
        seen.append({"found": found, "dtype": str(p.grad.dtype), "grad": held.float()})
    return seen


def _history(scaler: Any, verdicts: Iterable[bool]) -> list[Any]:
    """The loss scale at the start and after every update."""
    seen = [scale_of(scaler.loss_scale)]
    for found_inf in verdicts:
        scaler.update(found_inf)
        seen.append(scale_of(scaler.loss_scale))
    return seen


def _settings(rng: random.Random) -> dict[str, Any]:
    """A scaler's arguments, none of which is a default."""
    return {
        "init_scale": 2.0 ** rng.randrange(17, 24),
        "growth_factor": rng.choice((1.5, 3.0, 4.0)),
        "backoff_factor": rng.choice((0.2, 0.25, 0.75)),
        "growth_interval": rng.randrange(3, 7),
    }


def backs_off_at_inf(kind, rng):
    return _history(made(kind, *_settings(rng).values()), [True] * 4)


def grows_after_the_interval(kind, rng):
    settings = _settings(rng)
    return _history(made(kind, **settings), [False] * (settings["growth_interval"] + 1))


def grows_again_after_the_next_interval(kind, rng):
    settings = _settings(rng)
    often = settings | {"growth_interval": 1}
    return [_history(made(kind, *s.values()), [False] * (3 * s["growth_interval"] + 1)) for s in (settings, often)]


def wants_good_steps_in_a_row(kind, rng):
    settings = _settings(rng)
    almost = [False] * (settings["growth_interval"] - 1)
    return _history(made(kind, **settings), [*almost, True, False, True, *almost, False, False])


def has_the_usual_defaults(kind, rng):
    scaler = made(kind)
    history = _history(scaler, [True] + [False] * 2001)
    loss = rng.uniform(1, 9)
    return [loss * history[i] for i in (0, 1, 2000, 2001, 2002)]


def uses_the_new_scale(kind, rng):
    settings = _settings(rng) | {"growth_interval": 2}
    scaler = made(kind, **settings)
    seen = []
    for verdicts in ([True], [True, False], [False, False]):
        _history(scaler, verdicts)
        p = nn.Parameter(tensor(rng, (3,)))
        scaled = scaler.scale(p.square().sum())
        p.grad = tensor(rng, (3,), scale=settings["init_scale"])
        scaler.unscale_([p])
        seen.append({"scaled": number(scaled), "grad": p.grad})
    return seen


def leaves_the_scale_to_update(kind, rng):
    settings = _settings(rng)
    scaler = made(kind, *settings.values())
    seen = []
    for found_inf in (True, False, True):
        parameters = scaled_parameters(rng, settings["init_scale"])
        if found_inf:
            spoil(parameters, 2, math.inf, rng)
        scaler.scale(torch.ones((), requires_grad=True) * 2)
        scaler.unscale_(parameters)
        seen.append(scale_of(scaler.loss_scale))
        scaler.update(found_inf)
        seen.append(scale_of(scaler.loss_scale))
    return seen


class ScriptedScaler:
    """Stands in for a loss scaler: its scales and verdicts are fixed beforehand, and it writes down what it was asked."""

    def __init__(self, scales: Sequence[float], verdicts: Sequence[bool], events: list[str]):
        self.scales, self.verdicts, self.events = scales, verdicts, events
        self.now = 0  # the step, whatever is called in it
        self.told: list[Any] = []

    @property
    def loss_scale(self) -> float:
        return self.scales[min(len(self.told), len(self.scales) - 1)]

    def scale(self, loss: Tensor) -> Tensor:
        self.events.append("scale")
        return loss * self.loss_scale

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        self.events.append("unscale_")
        torch._foreach_div_([p.grad for p in parameters if p.grad is not None], self.loss_scale)
        return self.verdicts[self.now]

    def update(self, found_inf: bool) -> None:
        self.events.append("update")
        self.told.append(truth(found_inf))


class RecordingSGD(torch.optim.SGD):
    """SGD that writes down that it stepped."""

    def __init__(self, parameters: list[nn.Parameter], events: list[str], lr: float, momentum: float):
        super().__init__(parameters, lr=lr, momentum=momentum)
        self.events = events

    def step(self, closure=None):
        self.events.append("step")
        return super().step(closure)


def walk(
    train_step: Any,
    rng: random.Random,
    norms: Sequence[float],
    verdicts: Sequence[bool],
    max_norm: float = 1.0,
    momentum: float = 0.0,
    stale: bool = False,
    generator: bool = False,
) -> dict[str, Any]:
    """A few steps of the learner's function, with gradients of given norms; on a step whose verdict is True one element is
    infinite.

    Returns:
        The weights after every step, what was called in which order, what the scaler was told, and what the function returned.
    """
    events: list[str] = []
    parameters = [nn.Parameter(tensor(rng, shape).double()) for shape in SHAPES]
    optimizer = RecordingSGD(parameters, events, lr=rng.uniform(0.2, 0.6), momentum=momentum)
    scaler = ScriptedScaler([2.0 ** rng.randrange(6, 14) for _ in norms], verdicts, events)
    overflow = False

    def arrive(grad: Tensor) -> Tensor:
        """An overflow of the backward pass alone: the loss stays finite."""
        events.append("backward")
        return torch.where(torch.arange(len(grad)) == 0, math.inf, grad) if overflow else grad

    parameters[1].register_hook(arrive)
    if stale:
        for p in parameters:
            p.grad = tensor(rng, tuple(p.shape), scale=norms[0] * scaler.loss_scale).double()
    weights, returned = [], []
    for scaler.now, norm in enumerate(norms):
        overflow = verdicts[scaler.now]
        slopes = [tensor(rng, shape).double() for shape in SHAPES]
        total = torch.cat([s.flatten() for s in slopes]).norm()
        loss = sum(((p * s).sum() for p, s in zip(parameters, slopes)), torch.zeros(())) * (norm / total)
        given = (p for p in parameters) if generator else parameters
        returned.append(truth(train_step(loss, given, optimizer, scaler, max_norm)))
        weights.append([p.detach().clone() for p in parameters])
    return {"weights": weights, "events": events, "told": scaler.told, "returned": returned}


def keeps_the_order(train_step, rng):
    verdicts = shuffled(rng, *[True, False] * 8)
    seen = walk(train_step, rng, [rng.uniform(3, 9) for _ in verdicts], verdicts)
    # with the log goes whether the weights moved: code that only writes into the log has done nothing
    return [seen["events"], [not torch.equal(a[0], b[0]) for a, b in zip(seen["weights"], seen["weights"][1:])]]


def updates_the_weights(train_step, rng):
    limit = rng.uniform(5.0, 7.0)
    return walk(train_step, rng, [rng.uniform(1, 4) for _ in range(3)], [False] * 3, max_norm=limit)["weights"][-1]


def clips_the_unscaled_gradients(train_step, rng):
    low, high = rng.uniform(0.3, 0.7), rng.uniform(2.0, 3.0)
    return [walk(train_step, rng, [rng.uniform(6, 20)], [False], max_norm=limit)["weights"] for limit in (low, high)]


def leaves_the_weights_alone_at_inf(train_step, rng):
    norms = [rng.uniform(1, 4) for _ in range(4)]
    return walk(train_step, rng, norms, [False, True, True, False], max_norm=6.0, momentum=0.9)["weights"]


def updates_the_scaler_at_every_step(train_step, rng):
    verdicts = shuffled(rng, *[True, False] * 8)
    return walk(train_step, rng, [rng.uniform(1, 4) for _ in verdicts], verdicts)["told"]


def forgets_the_gradients_from_before(train_step, rng):
    norms = [rng.uniform(1, 4) for _ in range(2)]
    return walk(train_step, rng, norms, [False, False], max_norm=30.0, stale=True)["weights"][-1]


def steps_with_a_generator(train_step, rng):
    limit = rng.uniform(0.3, 3.0)
    seen = walk(train_step, rng, [rng.uniform(6, 20) for _ in range(2)], [False, False], max_norm=limit, generator=True)
    return seen["weights"][-1]


def says_whether_it_stepped(train_step, rng):
    verdicts = shuffled(rng, *[True, False] * 8)
    return walk(train_step, rng, [rng.uniform(1, 4) for _ in verdicts], verdicts)["returned"]


def trains_through_underflow(rescue, rng):
    count = rng.choice((512, 1024, 2048))
    run = rescue(UNDERFLOWING.replace(seed=rng.randrange(10**6), steps=36), count)
    # The first steps only: later ones amplify differences in rounding between machines.
    return {
        "loss": run.column("loss"),
        "loss_scale": [scale_of(scale) for scale in run.column("loss_scale")],
        "skipped": [truth(skipped) for skipped in run.column("skipped")],
    }


def leaves_the_settings_alone(rescue, rng):
    steps, lr = rng.randrange(3, 6), rng.uniform(5e-3, 2e-2)
    run = rescue(UNDERFLOWING.replace(seed=rng.randrange(10**6), steps=steps, lr=lr), COUNT)
    kept = ("dtype", "master_weights", "lr", "optimizer", "warmup_steps", "clip_norm", "steps", "batch_size", "seed")
    return {name: run.config[name] for name in kept} | {"first_scale": scale_of(run.column("loss_scale")[0])}


QUESTIONS = {
    "scaler_unscale": Question(
        target="DynamicLossScaler",
        ruled_out=SCALERS,
        probes=(
            Probe(
                multiplies_the_loss,
                (
                    "scale(loss) must return the loss times the scale, with its graph, and leave the loss that it was given as "
                    "it is."
                ),
            ),
            Probe(divides_the_gradients, "unscale_ must divide every gradient by the loss scale, and leave the weights alone."),
            Probe(
                works_in_place,
                "Change each .grad tensor in place: whoever else holds the tensor must see the unscaled values.",
            ),
            Probe(
                finds_inf_anywhere,
                "unscale_ must return True if any element of any gradient is +inf or -inf, and False if all are finite.",
            ),
            Probe(
                finds_nan_anywhere,
                "unscale_ must return True if any element of any gradient is NaN, and False if all are finite.",
            ),
            Probe(
                gives_no_false_alarm,
                (
                    "Look at every element: a sum or a norm of large finite numbers can be infinite, and an infinite sum can "
                    "come out as NaN."
                ),
            ),
            Probe(
                divides_in_spite_of_inf,
                "Divide every gradient even if one of them holds an inf: all of them must come back unscaled.",
            ),
            Probe(
                skips_missing_gradients,
                "A parameter whose .grad is None must be skipped, and the others unscaled and searched as usual.",
            ),
            Probe(
                accepts_a_generator,
                "model.parameters() is a generator and can be walked through only once: use one loop, or make it a list first.",
            ),
            Probe(
                works_in_half_precision,
                "An fp16 gradient must stay fp16 and be divided by the true scale, even if that scale is above 65504.",
                rtol=2e-3,
            ),
        ),
    ),
    "scaler_update": Question(
        target="DynamicLossScaler",
        ruled_out=SCALERS,
        probes=(
            Probe(backs_off_at_inf, "update(True) must multiply loss_scale by backoff_factor, each time it is called."),
            Probe(
                grows_after_the_interval,
                (
                    "The update(False) that completes growth_interval good steps in a row must multiply loss_scale by "
                    "growth_factor, and no other."
                ),
            ),
            Probe(
                grows_again_after_the_next_interval,
                "After growing, begin to count anew: the next growth comes growth_interval good steps later.",
            ),
            Probe(
                wants_good_steps_in_a_row,
                "A bad step must set the count of good steps back to 0: only good steps in a row count.",
            ),
            Probe(has_the_usual_defaults, "The defaults are 65536, 2.0, 0.5 and 2000 steps."),
            Probe(uses_the_new_scale, "After an update, scale and unscale_ must use the new loss_scale."),
            Probe(
                leaves_the_scale_to_update, "Only update may change loss_scale: not scale, and not unscale_, whatever it finds."
            ),
        ),
    ),
    "train_step": Question(
        target="train_step",
        probes=(
            Probe(
                keeps_the_order,
                (
                    "Call, each once: scaler.scale, backward, scaler.unscale_, (clip,) optimizer.step unless the step is "
                    "skipped, scaler.update."
                ),
            ),
            Probe(
                updates_the_weights,
                (
                    "The weights must move by the optimizer's step with the true, unscaled gradients; those within max_norm are "
                    "not clipped."
                ),
                rtol=1e-3,
            ),
            Probe(
                clips_the_unscaled_gradients,
                "Clip by global norm at max_norm after unscale_ and before the step.",
                rtol=1e-3,
            ),
            Probe(
                leaves_the_weights_alone_at_inf,
                "If unscale_ found an inf, do not call optimizer.step at all: no weight may move; good steps move them as usual.",
                rtol=1e-3,
            ),
            Probe(
                updates_the_scaler_at_every_step,
                "Call scaler.update(found_inf) once at every step, skipped or not, with what unscale_ returned.",
            ),
            Probe(
                forgets_the_gradients_from_before,
                (
                    "Call optimizer.zero_grad() before the backward pass, or the gradients of the step before are added to the "
                    "new ones."
                ),
                rtol=1e-3,
            ),
            Probe(
                steps_with_a_generator,
                (
                    "You need the parameters twice, to unscale and to clip, and a generator can be walked through only once: "
                    "make it a list first."
                ),
                rtol=1e-3,
            ),
            Probe(says_whether_it_stepped, "Return True if the optimizer stepped and False if the step was skipped."),
        ),
    ),
    "rescue": Question(
        target="rescue",
        ruled_out=LIBRARY_SCALERS,
        probes=(
            Probe(
                trains_through_underflow,
                (
                    "The run must be the given config with MicroBatch(count, your scaler) in the loop, from 2.0**36, growing "
                    "every 10 good steps; mend DynamicLossScaler first if its own checks fail."
                ),
                rtol=1e-2,
            ),
            Probe(
                leaves_the_settings_alone,
                "Start at 2.0**36, and leave dtype, learning rate, optimizer, steps, batch size and seed as the config has them.",
            ),
        ),
    ),
    "quiz_small": quiz("answer_small"),
    "quiz_large": quiz("answer_large"),
    "quiz_digits": quiz("answer_digits"),
    "quiz_scale": quiz("answer_scale"),
    "quiz_bf16": quiz("answer_bf16", several=True),
}
