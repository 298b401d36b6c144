"""Claims along an axis: at which points a verdict holds, and where it flips.

A *trial* is all arms of one experiment at one point and on one seed. What it gave is kept in ``work/along`` as soon as it is
done, so that a killed command goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stabilitylab
from stabilitylab import experiments, workspace
from stabilitylab.claims import verdicts
from stabilitylab.claims.verdicts import FAILS, HOLDS, MIXED, Claim, Judgement
from stabilitylab.experiments import axes

Progress = Callable[[int, int], Any]
"""Called with how many trials are done, and how many there are."""


@dataclass(frozen=True)
class Trial:
    """All arms of an experiment at a point of an axis, on one seed."""

    experiment: str
    axis: str
    point: float
    seed: int

    @property
    def kept(self) -> Path:
        """Where its outcome is kept; an experiment whose settings or expectations have changed is tried again."""
        found = experiments.get(self.experiment).at(self.axis, self.point)
        settings = [(name, repr(getattr(arm, "config", None))) for name, arm in found.arms.items()]
        expected = [(name, expectation.states) for name, expectation in found.expectations.items()]
        key = hashlib.sha256(repr((stabilitylab.__version__, settings, expected)).encode()).hexdigest()[:12]
        return workspace.WORK / "along" / f"{self.experiment}-{self.axis}-{self.point:g}-{self.seed}-{key}.json"

    def outcome(self) -> dict[str, bool] | None:
        """Expectation -> whether it was seen, None if the trial was not made yet."""
        try:
            return {name: bool(held) for name, held in json.loads(self.kept.read_text(encoding="utf-8")).items()}
        except (OSError, ValueError, AttributeError):
            return None

    def run(self) -> None:
        """Makes the trial and keeps its outcome."""
        experiment = experiments.get(self.experiment).at(self.axis, self.point)
        results = [experiment.run(arm, self.seed) for arm in experiment.arms]
        workspace.make_folder(self.kept.parent)
        outcome = {found.name: found.held[self.seed] for found in experiment.check(results)}
        workspace.write_atomically(self.kept, json.dumps(outcome))


@dataclass(frozen=True)
class Along:
    """How claims fared along an axis: claim -> point -> judgement, in the order asked for."""

    axis: str
    points: Sequence[float]
    judgements: Mapping[str, Mapping[float, Judgement]]


def along(
    claims: Sequence[Claim],
    axis: str,
    seeds: Sequence[int],
    points: Sequence[float] | None = None,
    jobs: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Along:
    """Tries claims at every point of an axis; trials that were made before are not made again.

    Args:
        claims: which; each must rest on a training run at least.
        axis: such as ``"width"``.
        seeds: at each point.
        points: default the axis's own.
        jobs: processes, default one a core.
        progress: called at once and after every trial.

    Raises:
        ValueError: if there is no such axis, or a claim cannot be tried along it.
    """
    import joblib

    points = points or axes.axis(axis).points
    if not claims:
        raise ValueError(f"axis is {axis!r}, and no claim of the ledger was tried along it; name some, such as --only B1")
    for claim in claims:
        if not any(experiments.get(name).trains for name in claim.evidence):
            raise ValueError(f"claim is {claim.id}, which rests on no training run that could be changed along {axis}")
    rest_on = verdicts.rest_on(claims)
    # the smallest models first: the time left is then never guessed too short by much
    trials = [Trial(name, axis, point, seed) for point in points for name in rest_on for seed in seeds]
    waiting = [trial for trial in trials if trial.outcome() is None]
    before = len(trials) - len(waiting)
    progress(before, len(trials))
    made = joblib.Parallel(n_jobs=jobs or os.cpu_count() or 1, return_as="generator_unordered")(
        joblib.delayed(trial.run)() for trial in waiting
    )
    for done, _ in enumerate(made, start=before + 1):
        progress(done, len(trials))
    judged: dict[str, dict[float, Judgement]] = {claim.id: {} for claim in claims}
    for point in points:
        held: dict[str, dict[str, dict[int, bool]]] = {name: {} for name in rest_on}
        for trial in trials:
            if trial.point == point:
                for expectation, seen in (trial.outcome() or {}).items():
                    held[trial.experiment].setdefault(expectation, {})[trial.seed] = seen
        for judgement in verdicts.judge(claims, held, seeds):
            judged[judgement.claim.id][point] = judgement
    return Along(axis, points, judged)


def as_said(claim: Claim, tried: Along) -> bool | None:
    """Whether a claim held at the points where the ledger says that it does, and failed where it says so. None if the ledger says
    nothing of this axis."""
    said = {point: word for point, word in claim.along.get(tried.axis, {}).items() if word != MIXED}
    if not said:
        return None
    judged = tried.judgements[claim.id]
    return all(judged[point].ok == (word == HOLDS) for point, word in said.items() if point in judged)


def in_words(claim: Claim, axis: str) -> str:
    """Where a claim holds along an axis, such as ``"holds at 32, 64 and 128; fails at 256"``."""
    said = claim.along[axis]
    found = {word: [f"{point:g}" for point, at in said.items() if at == word] for word in (HOLDS, MIXED, FAILS)}
    listed = {word: " and ".join(filter(None, (", ".join(points[:-1]), points[-1]))) for word, points in found.items() if points}
    return "; ".join(f"{word} at {points}" for word, points in listed.items())
