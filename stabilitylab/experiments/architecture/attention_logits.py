"""Attention logits that grow without bound at a hot rate, and QK-norm (after Wortsman et al. 2023, arXiv 2309.14322, and Dehghani
et al. 2023).

Decides no claim alone; it is the mechanism behind claim A6's second half, that norms in the right place are the lever. Settings
were found on seeds 30-32, tolerances on seeds 30-35.
"""

from statistics import median

from stabilitylab.experiments.experiment import Arm, Expectation, Experiment, Quantity
from stabilitylab.experiments.learning_rate.lr_sensitivity import KINDS
from stabilitylab.experiments.observables import end, finite
from stabilitylab.training.telemetry import Run

PRE, QK = (KINDS[kind][0].replace(lr=1e-1) for kind in ("pre", "qk"))


def highest(run: Run, first: int = 0, last: int | None = None) -> float:
    """Largest attention logit in a stretch of steps."""
    return max(run.column("max_attention_logit")[first:last])


def usual(run: Run, first: int, last: int) -> float:
    """Median over a stretch of steps of the largest attention logit."""
    return median(run.column("max_attention_logit")[first:last])


EXPERIMENT = Experiment(
    name="attention-logits",
    question="what do the attention logits do when the learning rate is too hot?",
    arms={
        "calm": Arm(PRE.replace(lr=1e-2), "pre-LN, 40 steps of warmup to 1e-2"),
        "hot": Arm(PRE, "pre-LN, 40 steps of warmup to 1e-1"),
        "hot-qk-norm": Arm(QK, "the same with queries and keys normalised per head"),
    },
    expectations={
        "they-grow": Expectation(
            "At 1e-1 the largest logit is above 500, more than ten times that of the calm run.",
            lambda r: highest(r["hot"]) > max(500, 10 * highest(r["calm"])),
        ),
        "growth-follows-the-rate": Expectation(
            "It rises with the rate: after the warmup it is more than ten times what it was in the first ten steps.",
            lambda r: usual(r["hot"], 60, 120) > 10 * usual(r["hot"], 0, 10),
        ),
        "qk-norm-caps-them": Expectation(
            "With QK-norm it stays below a tenth of that.", lambda r: highest(r["hot-qk-norm"]) < highest(r["hot"]) / 10
        ),
        "nothing-breaks": Expectation(
            "In fp32 none of this makes a number non-finite.", lambda r: all(finite(run) for run in r.values())
        ),
        "qk-norm-trains-better": Expectation(
            "At 1e-1 the run with QK-norm ends lower by more than 0.04 nat.",
            lambda r: end(r["hot-qk-norm"]) < end(r["hot"]) - 0.04,
        ),
    },
    control=("hot-qk-norm", "hot"),
    quantities={
        "calm-highest": Quantity("largest attention logit at 1e-2", lambda r: highest(r["calm"])),
        "hot-highest": Quantity("the same at 1e-1", lambda r: highest(r["hot"])),
        "qk-highest": Quantity("the same at 1e-1 with QK-norm", lambda r: highest(r["hot-qk-norm"])),
        "hot-end": Quantity("final loss at 1e-1", lambda r: end(r["hot"]), "nats"),
        "qk-end": Quantity("the same with QK-norm", lambda r: end(r["hot-qk-norm"]), "nats"),
    },
    columns=("step", "loss", "grad_norm", "clipped", "nonfinite_fraction", "max_attention_logit"),
    shows=(
        "At a hot rate queries and keys grow, and their products with them: the largest logit reaches hundreds and thousands, "
        "where softmax picks one position for most queries and passes hardly any gradient. QK-norm fixes the length of both, "
        "and the logits with it."
    ),
    does_not_show=(
        "That the logits are what costs the hot run its loss: QK-norm changes more than their size. In fp16 a logit above "
        "65504 would be inf; these runs are fp32."
    ),
)
