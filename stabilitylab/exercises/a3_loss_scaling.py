"""What assignment a3_loss_scaling asks: a dynamic loss scaler, the step around it, and an fp16 run to rescue."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, RuledOut, Tell, quiz
from stabilitylab.exercises.a1_clipping import SHAPES, draws, grads, tensor
from stabilitylab.experiments.precision.fp16_underflow import FP16
from stabilitylab.training.numbers import number

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
    return bool(value) if isinstance(value, (bool, int, float)) else type(value).__name__


def now(scaler: Any) -> Any:
    """The loss scale of this moment: a tensor may be changed in place later."""
    return number(scaler.loss_scale)


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
    scales = (rng.uniform(2.0, 9.0), rng.uniform(1000.0, 9000.0))
    scalers = [made(kind, scale, 2.0, 0.5, 2000) for scale in scales]  # two at once, each with a scale of its own
    for scaler in scalers:
        w = nn.Parameter(tensor(rng, (4,)))
        loss = (w * tensor(rng, (4,))).sum()
        scaled = scaler.scale(loss)
        scaled.backward()
        seen.append({"scaled": scaled, "loss": loss.item(), "grad": w.grad})
    return [seen, [now(scaler) for scaler in scalers]]


def divides_the_gradients(kind, rng):
    seen = []
    for scale in (rng.uniform(2.0, 9.0), rng.uniform(1000.0, 9000.0)):
        parameters = scaled_parameters(rng, scale)
        made(kind, init_scale=scale, growth_factor=2.0, backoff_factor=0.5, growth_interval=2000).unscale_(list(parameters))
        seen.append({"grads": grads(parameters), "weights": [p.detach() for p in parameters]})
    return seen


def works_in_place(kind, rng):
    scale = rng.uniform(5.0, 5000.0)
    parameters = scaled_parameters(rng, scale, missing=(2,))
    given, held = list(parameters), grads(parameters)  # an optimizer, or another process, may hold the same tensors
    _, drew = draws(made(kind, scale, 2.0, 0.5, 2000).unscale_, given)
    return {"grads": held, "list": len(given), "drew": drew}


def shuffled(rng: random.Random, *values: Any) -> list[Any]:
    """The values in an order that only the seed tells: a list of verdicts in a known order could be recited."""
    return rng.sample(values, len(values))


def _verdicts(kind: Any, rng: random.Random, values: tuple[float, ...]) -> list[Any]:
    """Verdicts of one scaler, step by step, on a bad element in the first, in a middle and in the last tensor, and on gradients
    without any."""
    places = (0, rng.randrange(1, len(SHAPES) - 1), len(SHAPES) - 1)
    scaler = made(kind, 2.0 ** rng.randrange(1, 12), 2.0, 0.5, 2000)
    seen = []
    for which in [*shuffled(rng, *places, *places, None, None, None, None, None), rng.choice(places), None]:
        parameters = scaled_parameters(rng, 2.0 ** rng.randrange(1, 12))
        if which is not None:
            spoil(parameters, which, rng.choice(values), rng)
        seen.append(truth(scaler.unscale_(list(parameters))))
        scaler.update(which is not None)
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
        torch.zeros(size),
        tensor(rng, (size,), scale=1e-38),
    )
    cancelling = torch.cat([torch.tensor([math.inf, -math.inf]), tensor(rng, (size,))])  # infinite, and it seems to cancel
    seen = []
    for case in shuffled(rng, *finite, *finite, *[cancelling] * 10):
        p = nn.Parameter(torch.zeros_like(case))
        p.grad = case.clone()
        seen.append(truth(made(kind, 2.0, 2.0, 0.5, 2000).unscale_([p])))
    return seen


def divides_in_spite_of_inf(kind, rng):
    scale = rng.uniform(5.0, 5000.0)
    parameters = scaled_parameters(rng, scale)
    spoil(parameters, 0, math.inf, rng)
    made(kind, scale, 2.0, 0.5, 2000).unscale_(list(parameters))
    return grads(parameters)


def skips_missing_gradients(kind, rng):
    seen = []
    for bad in (False, True):
        scale = rng.uniform(5.0, 5000.0)
        parameters = scaled_parameters(rng, scale, missing=(1,))
        if bad:
            spoil(parameters, 3, math.inf, rng)
        found = truth(made(kind, scale, 2.0, 0.5, 2000).unscale_(list(parameters)))
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
    seen = [now(scaler)]
    for found_inf in verdicts:
        scaler.update(found_inf)
        seen.append(now(scaler))
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
    settings = _settings(rng)
    below_one = settings | {"init_scale": rng.uniform(2.0, 8.0)}
    return [_history(made(kind, *s.values()), [True] * count) for s, count in ((settings, 4), (below_one, 6))]


def grows_after_the_interval(kind, rng):
    settings = _settings(rng)
    return _history(made(kind, **settings), [False] * (settings["growth_interval"] + 1))


def grows_again_after_the_next_interval(kind, rng):
    settings = _settings(rng)
    often = settings | {"growth_interval": 1}  # so often that no upper limit stays hidden
    return [
        _history(made(kind, *s.values()), [False] * (count * s["growth_interval"] + 1))
        for s, count in ((settings, 3), (often, 30))
    ]


def wants_good_steps_in_a_row(kind, rng):
    settings = _settings(rng)
    almost = [False] * (settings["growth_interval"] - 1)
    alone = _history(made(kind, **settings), [*almost, True, False, True, *almost, False, False])
    # two at once: what one of them hears is nothing to the other
    scalers = [made(kind, **settings), made(kind, **_settings(rng))]
    seen = []
    for which, found_inf in [*((0, False) for _ in almost), (1, True), (1, False), (0, False), (1, True), (0, True)]:
        scalers[which].update(found_inf)
        seen.append([now(scaler) for scaler in scalers])
    return [alone, seen]


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
        seen.append({"scaled": scaled, "grad": p.grad})
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
        scaler.unscale_(list(parameters))
        seen.append(now(scaler))
        scaler.update(found_inf)
        seen.append(now(scaler))
    return seen


class ScriptedScaler:
    """Stands in for a loss scaler. It knows nothing: its partner says what the scale is, and the verdict, when it is asked."""

    def __init__(self, tell: Tell):
        self._tell = tell

    @property
    def loss_scale(self) -> float:
        return self._tell(["loss_scale"])

    def scale(self, loss: Tensor) -> Tensor:
        return loss * self._tell(["scale"])

    def unscale_(self, parameters: Iterable[nn.Parameter]) -> bool:
        loss_scale, found_inf = self._tell(["unscale_"])
        for p in parameters:
            if p.grad is not None:
                p.grad.div_(loss_scale)
        return found_inf

    def update(self, found_inf: bool) -> None:
        self._tell(["update", truth(found_inf)])


class TellingSGD(torch.optim.SGD):
    """SGD that tells of its steps."""

    def __init__(self, parameters: list[nn.Parameter], tell: Tell, lr: float, momentum: float):
        super().__init__(parameters, lr=lr, momentum=momentum)
        self._tell = tell

    def step(self, closure=None):
        self._tell(["step"])
        return super().step(closure)


class Conductor:
    """The partner of training steps. It says how large the loss scale is, whether the backward pass overflows and what
    ``unscale_`` finds, each only when it is asked, and writes down in which order that was, and what the scaler is told.

    To forge it, code would have to tell of everything at the right moment, take scale and verdict from the replies, and come back
    with the weights that the right step leaves behind: it would have to compute that step, in more lines than are asked for. What
    it need not call is the optimizer: it may move the weights by hand and say that it stepped.

    Args:
        secret: draws the scales.
        verdicts: of ``unscale_``, step by step. Every other verdict that is True comes with gradients that are finite all the
            same: the scaler's word counts, not what anybody else sees.
        seen: from this partner and the raw data to what is compared.
    """

    def __init__(self, secret: random.Random, verdicts: Sequence[bool], seen: Callable[[Conductor, Any], Any]):
        self._verdicts, self._seen = verdicts, seen
        self._scales = [2.0 ** secret.randrange(6, 14) for _ in range(len(verdicts) + 1)]
        self._overflowing = [step for step, verdict in enumerate(verdicts) if verdict][::2]
        self.events, self.told = list[list[str]](), list[Any]()

    def reply(self, message: Any) -> Any:
        step = len(self.events) - 1
        scale = self._scales[min(len(self.told), len(self._scales) - 1)]  # another one after every update
        match message:
            case ["begin"] if step + 1 < len(self._verdicts):
                self.events.append([])
                return None
            case ["loss_scale"]:
                return scale
            case [("scale" | "backward" | "unscale_" | "step" | "update") as what, *told] if step >= 0:
                self.events[-1].append(what)
                self.told += told
                replies = {"scale": scale, "backward": step in self._overflowing, "unscale_": [scale, self._verdicts[step]]}
                return replies.get(what)
        raise ValueError("nobody asked for that")

    def settle(self, answer: Any) -> Any:
        return self._seen(self, answer)


def walk(
    train_step: Any,
    rng: random.Random,
    tell: Tell,
    norms: Sequence[float],
    max_norm: float = 1.0,
    momentum: float = 0.0,
    stale: bool = False,
    generator: bool = False,
    added: Sequence[float] = (0.0,),
) -> dict[str, Any]:
    """A few steps of the learner's function, with gradients of given norms; one element is infinite where the backward pass
    overflows. To the losses, in turn, something is ``added`` that no gradient knows of.

    Returns:
        The weights after every step, what the function returned, and how many parameters were left in the list it was given.
    """
    parameters = [nn.Parameter(tensor(rng, shape).double()) for shape in SHAPES]
    optimizer = TellingSGD(parameters, tell, lr=rng.uniform(0.2, 0.6), momentum=momentum)
    scaler = ScriptedScaler(tell)

    def arrive(grad: Tensor) -> Tensor:
        """An overflow of the backward pass alone: the loss stays as it is."""
        overflow = tell(["backward"])
        return torch.where(torch.arange(len(grad)) == 0, math.inf, grad) if overflow else grad

    parameters[1].register_hook(arrive)
    if stale:
        for p in parameters:
            p.grad = tensor(rng, tuple(p.shape), scale=1000 * norms[0]).double()
    weights, returned, left = [], [], []
    for step, norm in enumerate(norms):
        tell(["begin"])
        slopes = [tensor(rng, shape).double() for shape in SHAPES]
        total = torch.cat([s.flatten() for s in slopes]).norm()
        loss = sum(((p * s).sum() for p, s in zip(parameters, slopes)), torch.zeros(())) * (norm / total)
        given = list(parameters)
        handed = (p for p in given) if generator else given
        returned.append(truth(train_step(loss + added[step % len(added)], handed, optimizer, scaler, max_norm)))
        weights.append([p.detach().clone() for p in parameters])
        left.append(len(given))
    return {"weights": weights, "returned": returned, "left": left}


def sizes(rng: random.Random, count: int, low: float = 1.0, high: float = 4.0) -> list[float]:
    """Norms of the gradients of some steps."""
    return [rng.uniform(low, high) for _ in range(count)]


MANY = 16
"""Steps, half of them to be skipped."""

ODD_LOSSES = (0.0, math.nan, math.nan, math.inf, math.inf)
"""Added to losses whose gradients are in order: a step goes by the verdict, and not by the loss."""


def keeps_the_order(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, MANY, 3, 9))


def updates_the_weights(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, 3), max_norm=rng.uniform(5.0, 7.0))


def clips_the_unscaled_gradients(train_step, rng, tell):
    limit = rng.choice((rng.uniform(0.3, 0.7), rng.uniform(2.0, 3.0)))
    return walk(train_step, rng, tell, [rng.uniform(6, 20), rng.uniform(0.1, 0.25), rng.uniform(60, 200)], max_norm=limit)


def leaves_the_weights_alone_at_inf(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, 5), max_norm=6.0, momentum=0.9, added=ODD_LOSSES)


def updates_the_scaler_at_every_step(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, MANY), added=ODD_LOSSES)


def forgets_the_gradients_from_before(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, 2), max_norm=30.0, stale=True)


def steps_with_a_generator(train_step, rng, tell):
    limit, norms = rng.uniform(0.3, 3.0), sizes(rng, 2, 6, 20)
    return [walk(train_step, rng, tell, norms, max_norm=limit, generator=generator) for generator in (True, False)]


def says_whether_it_stepped(train_step, rng, tell):
    return walk(train_step, rng, tell, sizes(rng, MANY))


def order(partner: Conductor, answer: Any) -> Any:
    """With the log goes whether the weights moved: code that only tells of steps has done nothing."""
    weights = answer["weights"]
    moved = [any(not torch.equal(x, y) for x, y in zip(a, b)) for a, b in pairwise(weights)]
    return [partner.events, moved]


def conducted(
    ask: Callable[[Any, random.Random, Tell], Any],
    sentence: str,
    verdicts: Callable[[random.Random], Sequence[bool]],
    seen: Callable[[Conductor, Any], Any] = lambda partner, answer: answer["weights"],
) -> Probe:
    """A probe of training steps with these verdicts, which compares what is ``seen``, default the weights after every step."""
    return Probe(ask, sentence, rtol=1e-3, partner=lambda rng, secret: Conductor(secret, verdicts(secret), seen))


def good(count: int) -> Callable[[random.Random], list[bool]]:
    """Verdicts on steps that are all in order."""
    return lambda secret: [False] * count


def half_bad(secret: random.Random) -> list[bool]:
    return shuffled(secret, *[True, False] * (MANY // 2))


def some_bad(secret: random.Random) -> list[bool]:
    """The first step is good: afterwards there is a momentum. Of each kind of odd loss, one step is good and one is bad."""
    return [False, *shuffled(secret, True, False), *shuffled(secret, True, False)]


def trains_through_underflow(rescue, rng):
    count = rng.choice((512, 1024, 2048))
    run = rescue(UNDERFLOWING.replace(seed=rng.randrange(10**6), steps=36), count)
    # The first steps only: later ones amplify differences in rounding between machines.
    return {
        "loss": run.column("loss"),
        "loss_scale": run.column("loss_scale"),
        "skipped": [truth(skipped) for skipped in run.column("skipped")],
    }


def leaves_the_settings_alone(rescue, rng):
    kept = ("dtype", "master_weights", "lr", "optimizer", "warmup_steps", "clip_norm", "steps", "batch_size", "seed")
    seen = []
    for _ in range(2):
        steps, lr = rng.randrange(3, 6), rng.uniform(5e-3, 2e-2)
        run, drew = draws(rescue, UNDERFLOWING.replace(seed=rng.randrange(10**6), steps=steps, lr=lr), COUNT)
        settings = {name: run.config[name] for name in kept}
        seen.append(settings | {"first_scale": run.column("loss_scale")[0], "records": len(run.records), "drew": drew})
    return seen


QUESTIONS = {
    "scaler_unscale": Question(
        target="DynamicLossScaler",
        ruled_out=SCALERS,
        probes=(
            Probe(
                multiplies_the_loss,
                (
                    "scale(loss) must return the loss times the scale of its own scaler, with its graph, and leave the loss that "
                    "it was given as it is."
                ),
            ),
            Probe(divides_the_gradients, "unscale_ must divide every gradient by the loss scale, and leave the weights alone."),
            Probe(
                works_in_place,
                (
                    "Change each .grad tensor in place, so that whoever else holds it sees the unscaled values, and nothing "
                    "else: not the list that was given, not the random state."
                ),
            ),
            Probe(
                finds_inf_anywhere,
                (
                    "unscale_ must return True if any element of any gradient is +inf or -inf, and False if all are finite, "
                    "whatever it found before."
                ),
            ),
            Probe(
                finds_nan_anywhere,
                (
                    "unscale_ must return True if any element of any gradient is NaN, and False if all are finite, whatever it "
                    "found before."
                ),
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
            Probe(
                backs_off_at_inf, "update(True) must multiply loss_scale by backoff_factor, each time it is called, below 1 too."
            ),
            Probe(
                grows_after_the_interval,
                (
                    "The update(False) that completes growth_interval good steps in a row must multiply loss_scale by "
                    "growth_factor, and no other."
                ),
            ),
            Probe(
                grows_again_after_the_next_interval,
                (
                    "After growing, begin to count anew: the next growth comes growth_interval good steps later, and there is no "
                    "upper limit."
                ),
            ),
            Probe(
                wants_good_steps_in_a_row,
                (
                    "A bad step must set the count of good steps back to 0: only good steps in a row count, and each scaler has "
                    "its own count and its own scale."
                ),
            ),
            Probe(has_the_usual_defaults, "The defaults are 65536, 2.0, 0.5 and 2000 steps.", rtol=1e-6),
            Probe(uses_the_new_scale, "After an update, scale and unscale_ must use the new loss_scale."),
            Probe(
                leaves_the_scale_to_update, "Only update may change loss_scale: not scale, and not unscale_, whatever it finds."
            ),
        ),
    ),
    "train_step": Question(
        target="train_step",
        probes=(
            conducted(
                keeps_the_order,
                (
                    "Call, each once: scaler.scale, backward, scaler.unscale_, (clip,) optimizer.step unless the step is "
                    "skipped, scaler.update."
                ),
                half_bad,
                order,
            ),
            conducted(
                updates_the_weights,
                (
                    "The weights must move by the optimizer's step with the true, unscaled gradients; those within max_norm are "
                    "not clipped."
                ),
                good(3),
            ),
            conducted(
                clips_the_unscaled_gradients,
                "Clip by global norm at max_norm after unscale_ and before the step; smaller gradients stay as they are.",
                good(3),
            ),
            conducted(
                leaves_the_weights_alone_at_inf,
                (
                    "Go by what unscale_ returned, whatever the loss is: if it is True, do not call optimizer.step at all, and "
                    "no weight moves; if it is False, step."
                ),
                some_bad,
            ),
            conducted(
                updates_the_scaler_at_every_step,
                (
                    "Call scaler.update(found_inf) once at every step, skipped or not, with what unscale_ returned, whatever the "
                    "loss is."
                ),
                half_bad,
                lambda partner, answer: partner.told,
            ),
            conducted(
                forgets_the_gradients_from_before,
                (
                    "Call optimizer.zero_grad() before the backward pass, or the gradients of the step before are added to the "
                    "new ones."
                ),
                good(2),
            ),
            conducted(
                steps_with_a_generator,
                (
                    "You need the parameters twice, to unscale and to clip, and a generator can be walked through only once: "
                    "make a list of your own first. A list that you are given stays as it is."
                ),
                good(4),
                lambda partner, answer: [[walked["weights"], walked["left"]] for walked in answer],
            ),
            conducted(
                says_whether_it_stepped,
                "Return True if the optimizer stepped and False if the step was skipped.",
                half_bad,
                lambda partner, answer: answer["returned"],
            ),
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
                (
                    "Start every run at 2.0**36, with a scaler of its own; leave dtype, learning rate, optimizer, steps, batch "
                    "size and seed as each config has them, and the random state as it was."
                ),
            ),
        ),
    ),
    "quiz_small": quiz("answer_small"),
    "quiz_large": quiz("answer_large"),
    "quiz_digits": quiz("answer_digits"),
    "quiz_scale": quiz("answer_scale"),
    "quiz_bf16": quiz("answer_bf16", several=True),
}
