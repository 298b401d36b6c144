"""What assignment a1_clipping asks: global-norm clipping, value clipping, cosine similarity, and a run to rescue."""

from __future__ import annotations

import random
from typing import Any

import torch
from torch import Tensor, nn

from stabilitylab.exercises import Probe, Question, quiz
from stabilitylab.experiments.clipping.step_along_gradient import EXPLODING

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
    grads = [tensor(rng, shape, scale=10 ** rng.uniform(-1, 1)) for shape in SHAPES]
    total = torch.cat([g.flatten() for i, g in enumerate(grads) if i not in missing]).norm()
    for i, (parameter, grad) in enumerate(zip(made, grads)):
        parameter.grad = None if i in missing else grad * (norm / total)
    return made


def grads(made: list[nn.Parameter]) -> list[Tensor | None]:
    return [p.grad for p in made]


def number(value: Any) -> Any:
    """A norm may come back as a float or as a tensor with one element."""
    return value.item() if isinstance(value, Tensor) and value.numel() == 1 else value


def limits(rng: random.Random) -> tuple[float, float]:
    """A limit below 1 and one above it, so that code which confuses the limit with 1 is told apart."""
    return rng.uniform(0.2, 0.7), rng.uniform(2.0, 5.0)


def scales_above_the_limit(clip, rng):
    clipped = []
    for limit in limits(rng):
        made = parameters(rng, norm=limit * rng.uniform(2, 20))
        clip(made, limit)
        clipped.append(grads(made))
    return clipped


def leaves_small_gradients_alone(clip, rng):
    low, high = limits(rng)
    seen = []
    for limit, norm in ((low, low * rng.uniform(0.1, 0.9)), (high, rng.uniform(1.2, 1.8)), (high, 3 * high)):
        made = parameters(rng, norm=norm)
        clip(made, limit)
        seen.append(grads(made))
    return seen


def returns_the_norm_before_clipping(clip, rng):
    low, high = limits(rng)
    cases = ((low, low * rng.uniform(2, 20)), (high, high * rng.uniform(0.1, 0.9)))
    return [number(clip(parameters(rng, norm=norm), limit)) for limit, norm in cases]


def works_in_place(clip, rng):
    limit = rng.uniform(0.2, 5.0)
    made = parameters(rng, norm=limit * rng.uniform(2, 20))
    held = grads(made)  # an optimizer, or another process, may hold the same tensors
    clip(made, limit)
    return held


def skips_missing_gradients(clip, rng):
    limit = rng.uniform(0.2, 5.0)
    made = parameters(rng, norm=limit * rng.uniform(2, 20), missing=(1,))
    returned = number(clip(made, limit))
    return {"returned": returned, "grads": grads(made)}


def accepts_a_generator(clip, rng):
    limit = rng.uniform(0.2, 5.0)
    made = parameters(rng, norm=limit * rng.uniform(2, 20))
    returned = number(clip((p for p in made), limit))
    return {"returned": returned, "grads": grads(made)}


def survives_zero_gradients(clip, rng):
    made = parameters(rng, norm=0.0)
    return [number(clip(made, 1.0)), grads(made), _ordinary(clip, rng)]


def survives_no_gradients(clip, rng):
    return [number(clip(parameters(rng, norm=1.0, missing=(1, 2, 3))[1:], 1.0)), _ordinary(clip, rng)]


def _ordinary(clip, rng):
    """The norm of ordinary gradients: an edge case counts for code that handles the ordinary one, not for `return 0.0`."""
    return number(clip(parameters(rng, norm=rng.uniform(2, 20)), 1.0))


def clamps_both_sides(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    made = [nn.Parameter(10 * limit + tensor(rng, shape)) for shape in SHAPES]  # weights that clamping would change too
    for p in made:
        p.grad = tensor(rng, tuple(p.shape), scale=2 * limit)
    made[0].grad[0] = torch.tensor([3 * limit, -3 * limit])
    clip(made, limit)
    return {"grads": grads(made), "weights": [p.detach() for p in made]}


def leaves_small_elements_alone(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    p = nn.Parameter(torch.zeros(5))
    p.grad = torch.tensor([0.5 * limit, -0.25 * limit, 0.9 * limit, 0.0, 50 * limit])
    clip([p], limit)
    return p.grad


def clamps_in_place(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    p = nn.Parameter(torch.zeros(6))
    p.grad = held = tensor(rng, (6,), scale=5 * limit)
    held[0] = 4 * limit
    clip([p], limit)
    return held


def clamps_past_missing_gradients(clip, rng):
    limit = rng.uniform(0.2, 2.0)
    first, missing, last = (nn.Parameter(torch.zeros(3)) for _ in range(3))
    first.grad, last.grad = torch.tensor([3 * limit, 0.0, -3 * limit]), torch.tensor([-9 * limit, 0.1 * limit, 0.0])
    clip((p for p in (first, missing, last)), limit)
    return grads([first, missing, last])


def one_vector_over_all_tensors(cosine, rng):
    a = [tensor(rng, shape, scale=10 ** rng.uniform(-1, 1)) for shape in SHAPES]
    b = [x + tensor(rng, tuple(x.shape), scale=1.0) for x in a]
    return number(cosine(a, b))


def ignores_length(cosine, rng):
    a = [tensor(rng, shape) for shape in SHAPES]
    noise = [x + tensor(rng, tuple(x.shape), scale=0.5) for x in a]
    return [number(cosine(a, [factor * x for x in noise])) for factor in (0.01, 7.0)]


def keeps_the_sign(cosine, rng):
    a = [tensor(rng, shape) for shape in SHAPES]
    return [number(cosine(a, [-x + noise * tensor(rng, tuple(x.shape)) for x in a])) for noise in (0.4, 0.6, 0.8)]


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
    config = EXPLODING.replace(seed=rng.randrange(10**6), steps=rng.randrange(2, 5), lr=rng.uniform(0.2, 0.3))
    used = dict(rescue(config).config)
    return {name: used[name] for name in ("lr", "optimizer", "warmup_steps", "steps", "batch_size", "seed")} | {
        "clipping": used["clip_norm"] is not None
    }


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
                "Gradients whose global norm is within max_norm must stay exactly as they are, and larger ones must shrink.",
            ),
            Probe(
                returns_the_norm_before_clipping,
                "Return the global norm from before clipping, whether or not it was clipped: it is what you log.",
            ),
            Probe(
                works_in_place, "Change each .grad tensor in place: whoever else holds the tensor must see the clipped values."
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
            Probe(clamps_both_sides, "Every element must end between -clip_value and +clip_value, and keep its sign."),
            Probe(
                leaves_small_elements_alone,
                "Elements within the limit stay as they are; only the ones outside it change, and they become exactly the limit.",
            ),
            Probe(
                clamps_in_place, "Change each .grad tensor in place: whoever else holds the tensor must see the clipped values."
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
                "The cosine measures direction only: multiplying one side by a positive number must not change it.",
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
                "Clip, and leave learning rate, optimizer, steps, batch size and seed as the config has them.",
            ),
        ),
    ),
    "quiz_direction": quiz("answer_direction"),
    "quiz_nan": quiz("answer_nan"),
    "quiz_adam": quiz("answer_adam"),
}
