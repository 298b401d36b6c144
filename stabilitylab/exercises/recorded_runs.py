"""Real runs on record, calm and not, on which a detector can be judged in milliseconds.

Every file under ``data/runs`` is one run of the course's own Trainer: the columns a detector looks at, rounded to four
significant digits. ``python -m stabilitylab.exercises.recorded_runs`` makes them again, in about half a minute.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from torch import Tensor

from stabilitylab import workspace
from stabilitylab.training.config import RunConfig
from stabilitylab.training.corpus import Injection
from stabilitylab.training.loop import train
from stabilitylab.training.precision import StaticLossScaler
from stabilitylab.training.telemetry import Run

FOLDER = workspace.DATA / "runs"
COLUMNS = ("step", "loss", "lr", "grad_norm", "clipped_norm", "clipped", "update_ratio", "nonfinite_fraction")
"""What is kept of a run; the other fields of its records are NaN, False or 0."""

AT = 100
"""The step at which the incident of a run begins that has one in its middle."""

BAD = tuple(range(AT, AT + 4))

SGD = RunConfig(optimizer="sgd", lr=0.1, warmup_steps=20, steps=160, min_distinct_bytes=4, clip_norm=1.0).replace(model__layers=2)
ADAM = SGD.replace(optimizer="adam", lr=3e-3, clip_norm=None)
NO_NORMS = RunConfig(lr=3e-2, betas=(0.9, 0.95), steps=40, min_distinct_bytes=4).replace(
    model__layers=6, model__heads=4, model__norm="none", model__init="torch"
)
EXPLODING = RunConfig(optimizer="sgd", lr=0.2, steps=40, min_distinct_bytes=4).replace(model__norm="none", model__init="torch")


class SummedOnce(StaticLossScaler):
    """Multiplies the loss of one step by 256 and never divides it out, as if that batch's loss had been summed over its bytes."""

    def __init__(self) -> None:
        super().__init__()
        self.step = 0

    def scale(self, loss: Tensor) -> Tensor:
        return loss * 256 if self.step == AT else loss

    def update(self, found_inf: bool) -> None:
        self.step += 1


class Doubling(StaticLossScaler):
    """Doubles the loss scale after every step and never backs off: fp16 overflows soon after step 16."""

    def update(self, found_inf: bool) -> None:
        self.loss_scale *= 2


@dataclass(frozen=True)
class Recipe:
    """How a run was made.

    Attributes:
        about: what happens in it.
        config: its settings.
        scaler: makes the loss scaler, None for the usual one.
    """

    about: str
    config: RunConfig
    scaler: Callable[[], Any] | None = None


def _bad(config: RunConfig, kind: str) -> RunConfig:
    return config.replace(injections=(Injection(kind, BAD),))


RUNS: Mapping[str, Recipe] = {
    **{f"calm-sgd-{seed}": Recipe("SGD, clipped at 1.0, nothing happens", SGD.replace(seed=seed)) for seed in (1, 2, 3, 4)},
    **{f"calm-adam-{seed}": Recipe("Adam, not clipped, nothing happens", ADAM.replace(seed=seed)) for seed in (5, 6, 7, 8)},
    "bad-sgd-11": Recipe("SGD, clipped at 1.0, one repeated byte at steps 100-103", _bad(SGD, "repeated_byte").replace(seed=11)),
    "bad-sgd-12": Recipe("SGD, clipped at 1.0, one label for all at steps 100-103", _bad(SGD, "one_label").replace(seed=12)),
    "bad-adam-13": Recipe("Adam, not clipped, one repeated byte at steps 100-103", _bad(ADAM, "repeated_byte").replace(seed=13)),
    "bad-adam-14": Recipe("Adam, not clipped, a rare document at steps 100-103", _bad(ADAM, "rare_document").replace(seed=14)),
    **{
        f"summed-sgd-{seed}": Recipe(
            "SGD, clipped at 1.0, the loss of step 100 summed and not averaged", SGD.replace(seed=seed), SummedOnce
        )
        for seed in (15, 16)
    },
    **{f"always-clipped-{s}": Recipe("SGD, clipped at 0.1", SGD.replace(clip_norm=0.1, seed=s)) for s in (17, 18)},
    **{
        f"hot-sgd-{s}": Recipe("SGD at ten times the rate", SGD.replace(lr=1.0, clip_norm=None, steps=40, seed=s))
        for s in (19, 20)
    },
    **{f"hot-no-norms-{s}": Recipe("no norms, Adam at 3e-2 without warmup", NO_NORMS.replace(seed=s)) for s in (21, 22)},
    **{f"exploding-{s}": Recipe("no norms, SGD at 0.2, explodes to NaN", EXPLODING.replace(seed=s)) for s in (23, 24)},
    **{
        f"overflow-{s}": Recipe(
            "SGD in fp16, the loss scale doubled at every step",
            SGD.replace(dtype="fp16", clip_norm=None, steps=40, seed=s),
            lambda: Doubling(),
        )
        for s in (25, 26)
    },
}


def record(name: str) -> Run:
    """Trains one run of ``RUNS`` anew."""
    recipe = RUNS[name]
    return train(recipe.config, name, **({"scaler": recipe.scaler()} if recipe.scaler else {}))


@cache
def load(name: str) -> Run:
    """A run on record.

    Raises:
        ValueError: if there is none of that name.
    """
    if name not in RUNS:
        raise ValueError(f"name is {name!r}; on record are {', '.join(RUNS)}")
    return Run.from_dict(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8")))


def main() -> None:
    """Makes all files again."""
    for name in RUNS:
        data = record(name).to_dict()
        data["columns"] = {column: [_short(value) for value in data["columns"][column]] for column in COLUMNS}
        workspace.write_atomically(FOLDER / f"{name}.json", json.dumps(data, separators=(",", ":")) + "\n")
        print(f"Wrote {FOLDER / name}.json")


def _short(value: Any) -> Any:
    """Four significant digits; what is not a finite number stays."""
    if isinstance(value, bool | str) or not math.isfinite(value):
        return value
    return value if isinstance(value, int) else float(f"{value:.4g}")


if __name__ == "__main__":
    main()
