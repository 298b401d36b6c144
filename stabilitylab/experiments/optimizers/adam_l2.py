"""Weight decay as L2 inside Adam and as AdamW's own step, on weights whose gradients are pure noise (claim C11).

Settings were found on seeds 20-22, tolerances on seeds 20-39.

Also tried: a prediction from the second moment of the moment, sigma^2 + (decay * w)^2 without Adam's averaging over the last 1000
steps. It gave 0.06 at sigma 0.01, where the weight ends at 0.26: the second moment still remembers the larger weight.
"""

from functools import partial

import torch
from torch import nn

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity, Results

SIGMAS = (0.01, 0.1, 1.0, 10.0)
LR, DECAY, BETA2, STEPS, WEIGHTS = 1e-3, 0.1, 0.999, 1000, 1000


def shrink(optimizer: type[torch.optim.Optimizer], seed: int) -> dict[str, float]:
    """Mean of 1000 weights that began at 1, after 1000 steps of gradients N(0, sigma), for each sigma."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(seed)
    sigma = torch.tensor(SIGMAS)[:, None]
    weights = nn.Parameter(torch.ones(len(SIGMAS), WEIGHTS))
    updates = optimizer([weights], lr=LR, betas=(0.9, BETA2), weight_decay=DECAY)  # type: ignore[call-arg]
    for _ in range(STEPS):
        weights.grad = sigma * torch.randn(weights.shape, generator=generator)
        updates.step()
    return {f"sigma-{s:g}": mean for s, mean in zip(SIGMAS, weights.detach().mean(dim=1).tolist())}


def predict(seed: int) -> dict[str, float]:
    """The same from arithmetic: L2's gradient decay * w over the root of the second moment, the mean of sigma^2 + (decay * w)^2
    as Adam keeps it."""
    found = {}
    for sigma in SIGMAS:
        weight, second = 1.0, 0.0
        for step in range(1, STEPS + 1):
            second = BETA2 * second + (1 - BETA2) * (sigma**2 + (DECAY * weight) ** 2)
            weight -= LR * DECAY * weight / (second / (1 - BETA2**step)) ** 0.5
        found[f"sigma-{sigma:g}"] = weight
    return {**found, "adamw": (1 - LR * DECAY) ** STEPS}


def _left(arm: str, sigma: float, results: Results) -> float:
    return results[arm][f"sigma-{sigma:g}"]


EXPERIMENT = Experiment(
    name="adam-l2",
    question="is weight decay as L2 inside Adam the same as AdamW's?",
    arms={
        "adam": Measurement(partial(shrink, torch.optim.Adam), "L2: the decay is added to the gradient"),
        "adamw": Measurement(partial(shrink, torch.optim.AdamW), "decoupled: the decay is a step of its own"),
        "predicted": Measurement(predict, "what dividing by the root of the second moment predicts"),
    },
    expectations={
        "adamw-is-even": Expectation(
            "AdamW shrinks every weight by the same factor, (1 - lr * decay)^1000 = 0.905, whatever its gradients (within 0.01).",
            lambda r: all(abs(r["adamw"][f"sigma-{s:g}"] - r["predicted"]["adamw"]) < 0.01 for s in SIGMAS),
        ),
        "l2-is-uneven": Expectation(
            "With L2 weights with small gradients shrink most: below 0.5 at sigma 0.01 and above 0.97 at sigma 10.",
            lambda r: r["adam"]["sigma-0.01"] < 0.5 and r["adam"]["sigma-10"] > 0.97,
        ),
        "second-moment-predicts": Expectation(
            "The decay over the root of the second moment predicts every one of them within 0.02.",
            lambda r: all(abs(r["adam"][f"sigma-{s:g}"] - r["predicted"][f"sigma-{s:g}"]) < 0.02 for s in SIGMAS),
        ),
    },
    control=("adamw", "adam"),
    quantities={
        **{f"adam-{s:g}": Quantity(f"weight left with L2, sigma {s:g}", partial(_left, "adam", s)) for s in SIGMAS},
        **{f"adamw-{s:g}": Quantity(f"weight left with AdamW, sigma {s:g}", partial(_left, "adamw", s)) for s in SIGMAS},
        **{
            f"predicted-{s:g}": Quantity(f"weight left with L2, predicted, sigma {s:g}", partial(_left, "predicted", s))
            for s in SIGMAS
        },
    },
    shows=(
        "Adam divides whatever is in the gradient by the root of its second moment, the L2 term included: a weight with large "
        "gradients is hardly decayed, one with small gradients strongly. AdamW decays all alike."
    ),
    does_not_show="Which of them trains better: here the gradients are noise, and there is nothing to learn.",
)
