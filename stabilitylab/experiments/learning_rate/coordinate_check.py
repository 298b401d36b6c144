"""The coordinate check of Yang et al. 2022 (arXiv 2203.03466): how far the same few steps of Adam move the logits of a narrow
and of a wide model (claims F1 and F2).

Settings and tolerances were found on seeds 100-109.
"""

import math
import statistics
from collections.abc import Callable, Mapping

import torch

from stabilitylab.experiments.axes import axis
from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.training.config import RunConfig
from stabilitylab.training.loop import Trainer
from stabilitylab.training.model import ModelConfig

WIDTHS = (32, 64, 128, 256)
STEPS = 5
CONFIG = RunConfig(model=ModelConfig(layers=2, init="xavier"), lr=2**-9, steps=STEPS)


def moves(parametrisation: str) -> Callable[[int], Mapping[str, float]]:
    """From a seed to the root mean square of what ``STEPS`` steps change in the logits of one batch, for each width, and to the
    power of the width that it grows with."""

    def measure(seed: int) -> dict[str, float]:
        moved = {width: _moved(CONFIG.replace(seed=seed), parametrisation, width) for width in WIDTHS}
        power = statistics.linear_regression([math.log(w) for w in moved], [math.log(m) for m in moved.values()]).slope
        return {f"width-{width}": value for width, value in moved.items()} | {"power": power}

    return measure


@torch.no_grad()
def _moved(config: RunConfig, parametrisation: str, width: int) -> float:
    trainer = Trainer(axis("width").change(config.replace(model__parametrisation=parametrisation), width))
    inputs, _ = trainer.batches(STEPS)  # a batch that it does not train on
    before = trainer.logits(inputs)
    with torch.enable_grad():
        list(trainer.steps())
    return (trainer.logits(inputs) - before).square().mean().sqrt().item()


EXPERIMENT = Experiment(
    name="coordinate-check",
    question="does one learning rate move the logits of narrow and wide models equally far?",
    arms={
        "standard": Measurement(moves("standard"), "the standard parametrisation, widths 32 to 256, heads 16 wide"),
        "mup": Measurement(moves("mup"), "the same models under the maximal update parametrisation"),
    },
    expectations={
        "standard-grows": Expectation(
            "Under the standard parametrisation the same steps move the logits further, the wider the model.",
            lambda r: r["standard"]["power"] > 0.6,
        ),
        "mup-stays": Expectation("Under mup a wider model's logits are not moved further.", lambda r: r["mup"]["power"] < 0),
    },
    control=("mup", "standard"),
    quantities={
        "standard-power": Quantity("power of the width, standard parametrisation", lambda r: r["standard"]["power"]),
        "mup-power": Quantity("power of the width, mup", lambda r: r["mup"]["power"]),
    },
    shows=(
        "Under the standard parametrisation five steps of Adam at one rate move the logits nearly in proportion to the width. "
        "Under mup they do not: the wider models' are moved a little less, and equally far from width 128 on."
    ),
    does_not_show="Nothing of what happens after the first steps, and nothing of other optimizers.",
)
