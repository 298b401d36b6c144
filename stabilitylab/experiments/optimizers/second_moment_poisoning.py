"""One oversized gradient in Adam's second moment: how long it stays, for beta2 0.999 and 0.95 (claim D6, the part on beta2).

Settings were found on seeds 20-22, tolerances on seeds 20-39.

Expected the run with beta2 0.95 to lose less; found that it ends as far above its twin. What differs is how soon the second
moment forgets. The share that is left is counted on the excess over the twin's second moment: the ratio to it
also moves when the twin meets a large gradient of its own.
"""

from functools import partial
from statistics import fmean

from torch import Tensor

from stabilitylab.experiments.experiment import Expectation, Experiment, Measurement, Quantity
from stabilitylab.experiments.observables import end
from stabilitylab.experiments.spikes.bad_batch import ADAM
from stabilitylab.training.loop import Trainer
from stabilitylab.training.precision import StaticLossScaler
from stabilitylab.training.telemetry import Run

AT, LATER, FACTOR = 30, 70, 256


class SumForMean(StaticLossScaler):
    """Multiplies the loss of one step by 256 and never divides it out, as if that batch's loss had been summed and not
    averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.step = 0

    def scale(self, loss: Tensor) -> Tensor:
        return loss * FACTOR if self.step == AT else loss

    def update(self, found_inf: bool) -> None:
        self.step += 1


def second_moments(trainer: Trainer) -> tuple[list[float], Run]:
    """The sum of Adam's second moment over all parameters after each step, and the run."""
    sums, records = [], []
    for record in trainer.steps():
        records.append(record)
        sums.append(sum(state["exp_avg_sq"].sum().item() for state in trainer.optimizer.state.values()))
    return sums, trainer.result(records)


def poisoning(beta2: float, clip_norm: float | None, seed: int) -> dict[str, float]:
    """A poisoned run over its twin: the second moment at once and 70 steps later, the size of the last updates, the end."""
    config = ADAM.replace(steps=AT + LATER + 1, seed=seed, betas=(0.9, beta2), clip_norm=clip_norm)
    clean, twin = second_moments(Trainer(config))
    poisoned, run = second_moments(Trainer(config, scaler=SumForMean()))
    updates = [a / b for a, b in zip(run.column("update_ratio")[-20:], twin.column("update_ratio")[-20:])]
    return {
        "at once": poisoned[AT] / clean[AT],
        "later": poisoned[-1] / clean[-1],
        "kept": (poisoned[-1] - clean[-1]) / (poisoned[AT] - clean[AT]),
        "updates": fmean(updates),
        "gap": end(run) - end(twin),
    }


EXPERIMENT = Experiment(
    name="second-moment-poisoning",
    question="how long does Adam's second moment remember one oversized gradient?",
    arms={
        "0.999": Measurement(partial(poisoning, 0.999, None), "beta2 0.999, 256 times the loss at step 30"),
        "0.95": Measurement(partial(poisoning, 0.95, None), "beta2 0.95, the same"),
        "0.999-clip": Measurement(partial(poisoning, 0.999, 1.0), "beta2 0.999, clipped at 1.0, the same"),
    },
    expectations={
        "both-are-poisoned": Expectation(
            "One step multiplies the second moment by more than 100 with either beta2.",
            lambda r: min(r["0.999"]["at once"], r["0.95"]["at once"]) > 100,
        ),
        "0.999-remembers": Expectation(
            "With 0.999 more than half of the excess is there 70 steps later.", lambda r: r["0.999"]["kept"] > 1 / 2
        ),
        "0.95-forgets-sooner": Expectation("With 0.95 less than a quarter is.", lambda r: r["0.95"]["kept"] < 1 / 4),
        "both-end-above": Expectation(
            "Either run ends more than 0.05 nat above its twin.", lambda r: min(r["0.999"]["gap"], r["0.95"]["gap"]) > 0.05
        ),
        "clipping-keeps-it-out": Expectation(
            "Clipped at 1.0 the second moment grows by less than a quarter, and the run ends within 0.05 nat of its twin.",
            lambda r: r["0.999-clip"]["at once"] < 1.25 and abs(r["0.999-clip"]["gap"]) < 0.05,
        ),
    },
    control=("0.95", "0.999"),
    quantities={
        f"{arm}-{name}": Quantity(f"{what}, {about}", lambda r, arm=arm, key=key: r[arm][key], unit)
        for arm, about in (("0.999", "beta2 0.999"), ("0.95", "beta2 0.95"), ("0.999-clip", "beta2 0.999, clipped at 1.0"))
        for name, key, what, unit in (
            ("at-once", "at once", "second moment over the twin's, right after the oversized step", ""),
            ("later", "later", "the same 70 steps later", ""),
            ("kept", "kept", "share of the excess over the twin's that is left by then", ""),
            ("updates", "updates", "size of the last 20 updates over the twin's", ""),
            ("gap", "gap", "final loss above the twin's", "nats"),
        )
        if (arm, name) != ("0.999-clip", "kept")  # hardly any excess to keep a share of
    },
    shows=(
        "One step with 256 times the loss multiplies the sum of Adam's second moment by hundreds or thousands. It decays as "
        "beta2 to the power of the steps: 70 steps later most of it is still there with 0.999, and little with 0.95. Both runs "
        "end above their twins by about as much, so in this time forgetting sooner did not pay. Clipping at 1.0 keeps the large "
        "gradient out from the start."
    ),
    does_not_show=(
        "That 0.95 saves a longer run, or that it saves none: the runs end before either second moment is clean. The sum is led "
        "by the elements with the largest gradients; other elements forget at the same speed from a lower start."
    ),
)
