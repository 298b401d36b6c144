"""What assignment a1_clipping asks: global-norm clipping, value clipping, cosine similarity, and a run to rescue."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, quiz
from stabilitylab.experiments.clipping.step_along_gradient import EXPLODING
from stabilitylab.training.numbers import number

TORCH_CLIPPING = tuple(
    f"{module}.{name}"
    for module in ("torch.nn.utils", "torch.nn.utils.clip_grad")
    for name in (
        "clip_grad_norm_",
        "clip_grad_norm",
        "clip_grad_value_",
        "clip_grads_with_norm_",
        "get_total_norm",
        "_clip_grads_with_norm_",
        "_get_total_norm",
    )
)
SHAPES = ((3, 2), (4,), (1,), (2, 2))


def tensor(rng: random.Random, shape: tuple[int, ...], scale: float = 1.0) -> Tensor:
    """Gaussian numbers from Python's generator, whose draws are the same on every machine."""
    count = 1
    for size in shape:
        count *= size
    return torch.tensor([rng.gauss(0, scale) for _ in range(count)]).view(shape)


def parameters(rng: random.Random, norm: float, missing: tuple[int, ...] = ()) -> list[nn.Parameter]:
    """Parameters whose gradients, together, have the given global norm; those at ``missing`` have none."""
    made = [nn.Parameter(tensor(rng, shape)) for shape in SHAPES]
    renew(made, rng, norm, missing)
    return made


def renew(made: list[nn.Parameter], rng: random.Random, norm: float, missing: tuple[int, ...] = ()) -> None:
    """Gives the same parameters the gradients of another step."""
    fresh = [tensor(rng, shape, scale=10 ** rng.uniform(-1, 1)) for shape in SHAPES]
    total = torch.cat([g.flatten() for i, g in enumerate(fresh) if i not in missing]).norm()
    for i, (parameter, grad) in enumerate(zip(made, fresh)):
        parameter.grad = None if i in missing else grad * (norm / total)


def grads(made: list[nn.Parameter]) -> list[Tensor | None]:
    return [p.grad for p in made]


def copies(made: list[nn.Parameter]) -> list[Tensor | None]:
    """The gradients of now, which a later call may change."""
    return [None if p.grad is None else p.grad.clone() for p in made]


def draws(function: Callable[..., Any], *arguments: Any) -> tuple[Any, bool]:
    """What a function returns, and whether it seeded, or drew from, a random generator that everything in a process shares."""

    def states() -> tuple[Any, ...]:
        numpy = np.random.get_state(legacy=False)["state"]
        return random.getstate(), numpy["pos"], numpy["key"].tolist(), torch.get_rng_state().tolist()

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        try:
            random.random(), np.random.random(), torch.rand(1)  # on from where a seed would put them
            before = states()
            return function(*arguments), states() != before
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def limits(rng: random.Random) -> tuple[float, float, float]:
    """A limit below 1, one above it and one far above it, so that code which confuses the limit with 1 is told apart."""
    return rng.uniform(0.2, 0.7), rng.uniform(2.0, 5.0), rng.uniform(30.0, 300.0)


def scales_above_the_limit(clip, rng):
    clipped = []
    for limit in limits(rng):
        made = parameters(rng, norm=limit * rng.uniform(2, 20))
        clip(list(made), limit)
        clipped.append(grads(made))
    return clipped


def leaves_small_gradients_alone(clip, rng):
    low, high, highest = limits(rng)
    within, above = rng.uniform(0.1, 0.9), rng.uniform(3, 9)
    made = parameters(rng, norm=1.0)
    seen = []
    # one set of parameters, as in training, with norms that grow and shrink; 1.2 to 1.8 is above 1 and within the limit
    for limit, norm in (
        (highest, highest * above),
        (low, low * within),
        (high, rng.uniform(1.2, 1.8)),
        (high, high * above),
        (highest, highest * rng.uniform(0.93, 0.98)),
        (low, low * rng.uniform(1.05, 1.1)),
    ):
        renew(made, rng, norm)
        clip(list(made), limit)
        seen.append(copies(made))
    return seen


def returns_the_norm_before_clipping(clip, rng):
    low, high, highest = limits(rng)
    made = parameters(rng, norm=low * rng.uniform(2, 20))
    returned = [number(clip(list(made), low)) for _ in range(2)]  # the second time it is clipped already
    for norm in (high * rng.uniform(0.1, 0.9), highest * 100):
        returned.append(number(clip(parameters(rng, norm=norm), high)))
    return returned


def works_in_place(clip, rng):
    limit = rng.uniform(0.2, 5.0)
    made = parameters(rng, norm=limit * rng.uniform(2, 20), missing=(1,))
    given = list(made)
    held = grads(made)  # an optimizer, or another process, may hold the same tensors
    _, drew = draws(clip, given, limit)
    return {"grads": held, "weights": [p.detach() for p in made], "list": len(given), "drew": drew}


def skips_missing_gradients(clip, rng):
    seen = []
    for missing in ((0,), (1, 2), (3,)):
        limit = rng.uniform(0.2, 5.0)
        made = parameters(rng, norm=limit * rng.uniform(2, 20), missing=missing)
        seen.append({"returned": number(clip(list(made), limit)), "grads": grads(made)})
    return seen


def accepts_a_generator(clip, rng):
    limit = rng.uniform(0.2, 5.0)
    made = parameters(rng, norm=limit * rng.uniform(2, 20))
    returned = number(clip((p for p in made), limit))
    return {"returned": returned, "grads": grads(made)}


def survives_zero_gradients(clip, rng):
    made = parameters(rng, norm=0.0)
    return [number(clip(list(made), 1.0)), grads(made), _ordinary(clip, rng)]


def survives_no_gradients(clip, rng):
    made = parameters(rng, norm=1.0, missing=(1, 2, 3))[1:]
    return [number(clip(list(made), 1.0)), grads(made), number(clip([], 1.0)), _ordinary(clip, rng)]


def _ordinary(clip, rng):
    """The norm of ordinary gradients: an edge case counts for code that handles the ordinary one, not for `return 0.0`."""
    return number(clip(parameters(rng, norm=rng.uniform(2, 20)), 1.0))


def clamps_both_sides(clip, rng):
    seen = []
    for limit in (rng.uniform(1.0, 2.0), rng.uniform(0.2, 0.5), rng.uniform(20.0, 90.0)):
        made = [nn.Parameter(tensor(rng, shape)) for shape in SHAPES]
        for p in made:
            p.grad = tensor(rng, tuple(p.shape), scale=2 * limit)
        made[0].grad[0] = torch.tensor([3 * limit, -3 * limit])
        made[1].grad = -2 * limit * made[1].grad.abs() / made[1].grad.abs().max()  # too far out on one side alone
        made[3].grad = 3 * limit * made[3].grad.abs() / made[3].grad.abs().max()
        clip(list(made), limit)
        seen.append(grads(made))
    return seen


def leaves_small_elements_alone(clip, rng):
    seen = []
    for limit in (rng.uniform(0.2, 2.0), rng.uniform(20.0, 90.0)):
        mixed, small = nn.Parameter(torch.zeros(5)), nn.Parameter(torch.zeros(3))
        mixed.grad = limit * torch.tensor([0.5, -0.25, rng.uniform(0.9, 0.99), 0.0, 50.0])
        small.grad = limit * torch.tensor([rng.uniform(0.1, 0.9), rng.uniform(-0.9, -0.1), rng.uniform(-0.99, -0.95)])
        clip([mixed, small], limit)
        seen.append([mixed.grad, small.grad])
    return seen


def clamps_in_place(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    made = [nn.Parameter(10 * limit + tensor(rng, shape)) for shape in SHAPES]  # weights that clamping would change too
    for p in made[:-1]:
        p.grad = tensor(rng, tuple(p.shape), scale=5 * limit)
    given, held = list(made), grads(made)
    _, drew = draws(clip, given, limit)
    return {"grads": held, "weights": [p.detach() for p in made], "list": len(given), "drew": drew}


def clamps_past_missing_gradients(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    seen = []
    for position in range(3):
        made = [nn.Parameter(torch.zeros(3)) for _ in range(3)]
        for p in made:
            p.grad = limit * torch.tensor([rng.uniform(2, 9), rng.uniform(-0.9, 0.9), rng.uniform(-9, -2)])
        made[position].grad = None
        clip((p for p in made), limit)
        seen.append(grads(made))
    return seen


def one_vector_over_all_tensors(cosine, rng):
    seen = []
    for spread in (1, 2):  # of the tensors' sizes, in powers of ten
        a = [tensor(rng, shape, scale=10 ** rng.uniform(-spread, spread)) for shape in SHAPES]
        b = [x + tensor(rng, tuple(x.shape), scale=1.0) for x in a]
        seen += [number(cosine(list(a), list(b))), number(cosine(a[1:], b[1:]))]
    return seen


def ignores_length(cosine, rng):
    a = [tensor(rng, shape) for shape in SHAPES]
    noise = [x + tensor(rng, tuple(x.shape), scale=0.5) for x in a]
    seen = [number(cosine(list(a), [factor * x for x in noise])) for factor in (0.001, 7.0)]
    seen += [number(cosine([factor * x for x in a], list(noise))) for factor in (300.0, 0.02)]
    once_more, drew = draws(cosine, a, noise)
    return {"cosines": [*seen, number(once_more)], "a": a, "b": noise, "drew": drew}


def keeps_the_sign(cosine, rng):
    a = [tensor(rng, shape) for shape in SHAPES]
    return [number(cosine(list(a), [-x + noise * tensor(rng, tuple(x.shape)) for x in a])) for noise in (0.4, 0.6, 0.8)]


def right_angle_is_zero(cosine, rng):
    a, b = tensor(rng, (3,)), tensor(rng, (3,))
    away = b - a * (a @ b) / (a @ a)
    same_way = tensor(rng, (2,))
    return [number(cosine([a], [away])), number(cosine([a, same_way], [away, 2 * same_way]))]


def trains_through_the_explosion(rescue, rng):
    run = rescue(EXPLODING.replace(seed=rng.randrange(10**6), steps=10))
    # The first steps only: later ones amplify differences in rounding between two correct implementations.
    return {"loss": run.column("loss"), "clipped_norm": run.column("clipped_norm"), "lr": run.column("lr")}


def leaves_the_settings_alone(rescue, rng):
    seen: list[Any] = []
    for _ in range(2):
        config = EXPLODING.replace(seed=rng.randrange(10**6), steps=rng.randrange(2, 5), lr=rng.uniform(0.2, 0.3))
        config = config.replace(model__layers=1, model__width=16)  # its size decides nothing here
        run, drew = draws(rescue, config)
        used = dict(run.config)
        kept = {name: used[name] for name in ("lr", "optimizer", "warmup_steps", "steps", "batch_size", "seed")}
        seen.append(kept | {"clipping": used["clip_norm"] is not None, "records": len(run.records), "drew": drew})
    return seen


QUESTIONS = {
    "clip_grad_norm": Question(
        target="clip_grad_norm",
        ruled_out=TORCH_CLIPPING,
        probes=(
            Probe(
                scales_above_the_limit,
                (
                    "When the global norm exceeds max_norm, every gradient must be multiplied by max_norm / total, one factor "
                    "for all of them."
                ),
            ),
            Probe(
                leaves_small_gradients_alone,
                (
                    "Gradients whose global norm is within max_norm must stay exactly as they are, and larger ones must shrink "
                    "to it, whatever came before."
                ),
            ),
            Probe(
                returns_the_norm_before_clipping,
                "Return the global norm from before clipping, whether or not it was clipped: it is what you log.",
            ),
            Probe(
                works_in_place,
                (
                    "Change each .grad tensor in place, so that whoever else holds it sees the clipped values, and nothing "
                    "else: not the weights, not the list that was given, not the random state."
                ),
            ),
            Probe(skips_missing_gradients, "A parameter whose .grad is None must be skipped, and the others clipped as usual."),
            Probe(
                accepts_a_generator,
                "model.parameters() is a generator and can be walked through only once: make it a list first.",
            ),
            Probe(survives_zero_gradients, "When every gradient is zero the norm is 0.0, and nothing may become NaN."),
            Probe(survives_no_gradients, "When no parameter has a gradient there is nothing to clip, and the norm is 0.0."),
        ),
    ),
    "clip_grad_value": Question(
        target="clip_grad_value",
        ruled_out=TORCH_CLIPPING,
        probes=(
            Probe(
                clamps_both_sides,
                (
                    "Every element of every gradient must end between -clip_value and +clip_value, and keep its sign: one that "
                    "is too far out ends at the limit."
                ),
            ),
            Probe(
                leaves_small_elements_alone,
                "Elements within the limit stay as they are; only the ones outside it change, and they become exactly the limit.",
            ),
            Probe(
                clamps_in_place,
                (
                    "Change each .grad tensor in place, so that whoever else holds it sees the clipped values, and nothing "
                    "else: not the weights, not the list that was given, not the random state."
                ),
            ),
            Probe(
                clamps_past_missing_gradients, "A parameter whose .grad is None must be skipped, and the others clipped as usual."
            ),
        ),
    ),
    "cosine_similarity": Question(
        target="cosine_similarity",
        probes=(
            Probe(
                one_vector_over_all_tensors,
                (
                    "Treat all tensors as one long vector: sum the products over all of them, and divide by the product of the "
                    "two global norms."
                ),
            ),
            Probe(
                ignores_length,
                (
                    "The cosine measures direction only: multiplying one side by a positive number must not change it. And it "
                    "only measures: the tensors that it was given stay as they are."
                ),
            ),
            Probe(keeps_the_sign, "Directions that oppose each other have a negative cosine: keep the sign."),
            Probe(
                right_angle_is_zero,
                (
                    "Vectors at a right angle have cosine 0, and a part that agrees counts by its length, not as one tensor "
                    "among several."
                ),
            ),
        ),
    ),
    "rescue": Question(
        target="rescue",
        ruled_out=TORCH_CLIPPING,
        probes=(
            Probe(
                trains_through_the_explosion,
                (
                    "The run must be the given config with your clip_grad_norm at limit 1.0 in the loop, and nothing else "
                    "changed; mend clip_grad_norm first if its own check fails."
                ),
                rtol=1e-2,
            ),
            Probe(
                leaves_the_settings_alone,
                (
                    "Clip, and leave learning rate, optimizer, steps, batch size and seed as each config has them, and "
                    "the random state as it was."
                ),
            ),
        ),
    ),
    "quiz_direction": quiz("answer_direction"),
    "quiz_nan": quiz("answer_nan"),
    "quiz_adam": quiz("answer_adam"),
}
