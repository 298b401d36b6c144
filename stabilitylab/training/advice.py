"""What to look at next, after a verdict: the logs that would tell its causes apart, and the lesson about it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from stabilitylab.training.diagnosis import Verdict

NAMES: Mapping[str, str] = {
    "lr": "learning rate",
    "grad_norm": "gradient norm",
    "update_ratio": "update ratio",
    "max_attention_logit": "largest attention logit",
    "nonfinite_fraction": "share of gradient elements that are inf or NaN",
    "flushed_fraction": "share of gradient elements that are 0",
    "loss_scale": "loss scale",
    "skipped": "skipped steps",
    "batch ids": "ids or text of the batches",
    "validation loss": "validation loss",
}
"""What a log may hold, as ``telemetry.StepRecord`` or ``logs.OTHERS`` names it -> its name in a sentence."""


@dataclass(frozen=True)
class Advice:
    """What helps after a verdict.

    Attributes:
        lesson: its notebook, from the root of the course.
        tells: what a log may hold -> what it would decide.
    """

    lesson: str
    tells: Mapping[str, str]

    def missing(self, held: Collection[str]) -> list[str]:
        """A sentence for each log that is not held, the most telling first."""
        return [f"{NAMES[kind]}: {decides}" for kind, decides in self.tells.items() if kind not in held]


_SPIKES = {
    "grad_norm": "a norm that jumps before the loss does points to the updates, one that jumps with it to the batch",
    "batch ids": "read the text of the step at which the loss jumps; if other weights jump at the same text, it is the data",
    "lr": "a jump just after the rate reached its peak, or changed, points to the rate",
    "update_ratio": "updates that grew before the jump point to the rate or to Adam's second moment",
    "loss_scale": "a scale that changes at the same step points to half precision",
}
_GROWTH = {
    "lr": "whether the loss turned where the rate rose or stayed too high",
    "update_ratio": "above about 0.01 a step, the rate is too high for this model",
    "grad_norm": "a norm that grows with the loss points to the rate; one that is calm points to the data or the labels",
    "max_attention_logit": "logits that grow without end point to attention, and QK-norm is the cure",
    "validation loss": "if it does not rise with the training loss, the text of the batches became harder",
}
_STILL = {
    "update_ratio": "0 means that no update arrives; below about 1e-5, that the rate is too low",
    "lr": "whether it is 0, or a thousand times what was meant",
    "grad_norm": "0 points to detached or flushed gradients, inf or NaN to updates that are skipped or clipped to nothing",
    "skipped": "whether every update was skipped",
    "loss_scale": "whether the scale collapsed",
    "flushed_fraction": "whether fp16 swallows the gradient",
}
_LOW_PRECISION = {
    "loss_scale": "whether it collapses step by step, and from when on",
    "skipped": "which steps were skipped, and whether any was not",
    "nonfinite_fraction": "whether all gradients are broken or those of one layer",
    "grad_norm": "whether the norm was inf or NaN from the first step on, or grew",
    "batch ids": "whether the first broken step has a batch without labels or text",
}
_DATA = {
    "batch ids": "whether a batch holds labels at all, and the same text again and again",
    "grad_norm": "NaN or 0 says that the loss is not what is trained on",
    "validation loss": "whether the model has learned its text by heart",
    "loss_scale": "whether half precision swallows the loss",
}
_LEARNING = {
    "validation loss": "whether it learned more than its text by heart",
    "update_ratio": "whether it could learn faster",
}

CLIPPING, FP16, RECOVERY, PLATEAUS, RATES, SPIKES = (
    f"notebooks/{name}.ipynb"
    for name in (
        "04_clipping_is_a_diagnosis",
        "05_fp16_and_loss_scaling",
        "06_detect_and_recover",
        "07_plateaus_and_finding_the_lr",
        "02_warmup_and_schedules",
        "03_spikes_and_clipping",
    )
)

ADVICE: Mapping[Verdict, Advice] = {
    Verdict.NONFINITE: Advice(FP16, _LOW_PRECISION),
    Verdict.ZERO: Advice(FP16, _DATA),
    Verdict.TOO_SHORT: Advice("notebooks/00_start_here.ipynb", {"lr": "how far the warmup has come"}),
    Verdict.NO_SCALE: Advice(FP16, _LOW_PRECISION),
    Verdict.SKIPPED: Advice(FP16, _LOW_PRECISION),
    Verdict.FROZEN: Advice(PLATEAUS, _STILL),
    Verdict.DIVERGED: Advice(CLIPPING, _GROWTH),
    Verdict.DAMAGED: Advice(RECOVERY, _SPIKES),
    Verdict.FORGOT: Advice(RATES, _GROWTH),
    Verdict.ROSE: Advice(RATES, _GROWTH),
    Verdict.STUCK: Advice(PLATEAUS, _STILL),
    Verdict.CRAWLING: Advice(PLATEAUS, _STILL),
    Verdict.RECOVERED: Advice(SPIKES, _SPIKES),
    Verdict.TRAINED: Advice(PLATEAUS, _LEARNING),
    Verdict.UNJUDGED: Advice(PLATEAUS, _LEARNING),
}
"""What helps after each verdict."""
