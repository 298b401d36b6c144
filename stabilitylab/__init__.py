"""Stability Lab: small Transformers that come apart on a laptop, and what holds them together.

What a lesson or a learner imports stands here: ``from stabilitylab import RunConfig, ModelConfig, Trainer, experiments, live``.
Each name is loaded when it is first asked for, so that importing the package loads nothing and the terminal answers before
PyTorch is there.

The folders are layers; docs/design.md says which may import which, and a test holds them to it.
"""

from importlib import import_module

__version__ = "0.2.0"

_HOMES = {
    # one run
    "corpus": "stabilitylab.training.corpus",
    "RunConfig": "stabilitylab.training.config",
    "ModelConfig": "stabilitylab.training.model",
    "Injection": "stabilitylab.training.corpus",
    "Trainer": "stabilitylab.training.loop",
    "train": "stabilitylab.training.loop",
    "Run": "stabilitylab.training.telemetry",
    "StepRecord": "stabilitylab.training.telemetry",
    "global_norm": "stabilitylab.training.telemetry",
    "gradients": "stabilitylab.training.telemetry",
    "gradient_norm_by_layer": "stabilitylab.training.telemetry",
    "input_share": "stabilitylab.training.telemetry",
    "warmup_then": "stabilitylab.training.schedules",
    "DECAYS": "stabilitylab.training.schedules",
    "StaticLossScaler": "stabilitylab.training.precision",
    "DynamicLossScaler": "stabilitylab.training.precision",
    "diagnose": "stabilitylab.training.diagnosis",
    "UNIFORM": "stabilitylab.training.diagnosis",
    # many runs, and what they decided
    "experiments": "stabilitylab.experiments",
    "sweeps": "stabilitylab.sweeps",
    "evidence": "stabilitylab.claims.evidence",
    "ledger": "stabilitylab.claims.ledger",
    # what is drawn
    "plots": "stabilitylab.figures.plots",
    "live": "stabilitylab.figures.live",
    "cliff": "stabilitylab.figures.cliff",
    "number_line": "stabilitylab.figures.number_line",
    # what a lesson asks
    "predictions": "stabilitylab.lessons.predictions",
    "progress": "stabilitylab.lessons.progress",
    "check": "stabilitylab.exercises",
    "quiz": "stabilitylab.questions.quiz",
    "interview_room": "stabilitylab.questions.interview_room",
    "mystery_room": "stabilitylab.mystery.room",
}
"""Name -> the module that it is, or that defines it."""


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(_HOMES[name])
    return getattr(home, name, home)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
