"""The ledger of claims: what popular texts say about instability, the verdict, and the runs that decide it.

``data/claims.yaml`` holds the claims. Each names the expectations of the experiments that carry its verdict; it holds on a seed
if all of them hold there, and it stands if it holds on nine seeds in ten (rounded down: 18 of 20, 4 of 5).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from stabilitylab import experiments, workspace
from stabilitylab.claims import evidence
from stabilitylab.experiments import axes
from stabilitylab.experiments.experiment import enough
from stabilitylab.experiments.running import run_all

PATH = workspace.DATA / "claims.yaml"
VERDICTS = ("holds", "false as stated", "opinion")
HOLDS, FAILS, MIXED = "holds", "fails", "mixed"
SHARE = 0.9
"""The least share of seeds on which a verdict must hold: 18 of 20, 4 of 5."""


@dataclass(frozen=True)
class Claim:
    """One claim on trial.

    Attributes:
        id: such as ``"B1"``; the letter stands for the text it came from.
        claim: what is claimed, in the course's own words.
        found_in: what kind of text it came from.
        verdict: ``"holds"``, ``"holds when ..."``, ``"false as stated"`` or ``"opinion"``.
        condition: under which condition, and what was seen.
        evidence: experiment -> the expectations that carry the verdict.
        measured: ``"experiment/quantity"`` -> its median and range over the fresh seeds, filled in from the evidence.
        lesson: the notebook that teaches it.
        along: axis -> point -> how the verdict fares there on seeds that set nothing: ``"holds"``, ``"fails"``, or ``"mixed"``
            where it is not decided. Empty if it was tried along no axis.
        contradicts: what other claim it cannot stand beside, and the run that decides between them; empty if none.
    """

    id: str
    claim: str
    found_in: str
    verdict: str
    condition: str
    evidence: Mapping[str, Sequence[str]]
    measured: Mapping[str, str]
    lesson: str
    along: Mapping[str, Mapping[float, str]] = field(default_factory=dict)
    contradicts: str = ""

    def __post_init__(self) -> None:
        def refuse(what: str) -> None:
            raise ValueError(f"claim {self.id}: {what}")

        if self.verdict not in VERDICTS and not self.verdict.startswith("holds when "):
            refuse(f"verdict is {self.verdict!r}; it must be 'holds', 'holds when ...', 'false as stated' or 'opinion'")
        if not self.evidence:
            refuse("evidence is empty; name an experiment and the expectations that carry the verdict")
        for name, expectations in self.evidence.items():
            known = experiments.get(name).expectations
            for expectation in expectations:
                if expectation not in known:
                    refuse(f"evidence is {name}/{expectation!r}; {name} expects {', '.join(known)}")
                if known[expectation].share < SHARE:
                    refuse(f"evidence is {name}/{expectation}, which need not hold on {SHARE:.0%} of the seeds")
        for axis, points in self.along.items():
            axes.axis(axis)
            for point, word in points.items():
                if word not in (HOLDS, FAILS, MIXED):
                    refuse(f"along {axis} is {word!r} at {point}; it must be {HOLDS!r}, {FAILS!r} or {MIXED!r}")
        for quantity in self.measured:
            name, _, short = quantity.partition("/")
            if short not in experiments.get(name).quantities:
                refuse(f"measured is {quantity!r}; {name} measures {', '.join(experiments.get(name).quantities)}")


@dataclass(frozen=True)
class Judgement:
    """How a verdict fared over some seeds.

    Attributes:
        claim: what was on trial.
        held: seed -> whether every expectation it rests on held there.
        failed: ``"experiment/expectation"`` -> the seeds on which it did not hold.
    """

    claim: Claim
    held: Mapping[int, bool]
    failed: Mapping[str, Sequence[int]]

    @property
    def count(self) -> int:
        return sum(self.held.values())

    @property
    def ok(self) -> bool:
        return enough(self.count, len(self.held), SHARE)


Held = Mapping[str, Mapping[str, Mapping[int, bool]]]
"""Experiment -> expectation -> seed -> whether it was seen."""


def load(path: Path | None = None) -> list[Claim]:
    """The claims, in the order of the file, default ``data/claims.yaml``.

    Raises:
        ValueError: naming the claim and what is wrong with it.
    """
    path = path or PATH
    claims = [Claim(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["claims"]]
    ids = [claim.id for claim in claims]
    for claim in ids:
        if ids.count(claim) > 1:
            raise ValueError(f"claim {claim}: the id is used {ids.count(claim)} times in {path}")
    return claims


def select(claims: Sequence[Claim], ids: Sequence[str]) -> list[Claim]:
    """The claims of the given ids, all for none given.

    Raises:
        ValueError: for an id that no claim has.
    """
    known = {claim.id.lower(): claim for claim in claims}
    for name in ids:
        if name.lower() not in known:
            raise ValueError(f"claim is {name!r}; the ledger has {', '.join(claim.id for claim in claims)}")
    return [known[name.lower()] for name in ids] if ids else list(claims)


def judge(claims: Sequence[Claim], held: Held, seeds: Sequence[int]) -> list[Judgement]:
    """How each claim's verdict fares on the given seeds, given how the expectations did."""
    judgements = []
    for claim in claims:
        rests_on = {f"{name}/{e}": held[name][e] for name, expectations in claim.evidence.items() for e in expectations}
        failed = {key: [seed for seed in seeds if not by_seed[seed]] for key, by_seed in rests_on.items()}
        judgements.append(
            Judgement(
                claim,
                {seed: all(by_seed[seed] for by_seed in rests_on.values()) for seed in seeds},
                {key: missed for key, missed in failed.items() if missed},
            )
        )
    return judgements


def recorded(claims: Sequence[Claim], seeds: Sequence[int]) -> list[Judgement]:
    """How the verdicts fare in the recorded evidence.

    Raises:
        FileNotFoundError: if an experiment's evidence was never recorded.
    """
    return judge(claims, {name: evidence.load(name).held for name in rest_on(claims)}, seeds)


def rest_on(claims: Sequence[Claim]) -> list[str]:
    """The experiments that claims rest on, subject by subject."""
    return [name for name in experiments.names() if any(name in claim.evidence for claim in claims)]


@dataclass(frozen=True)
class Rerun:
    """The evidence of some claims, made again: their judgements, and experiment -> quantity -> seed -> number."""

    judgements: Sequence[Judgement]
    quantities: Mapping[str, Mapping[str, Mapping[int, float]]]


def rerun(
    claims: Sequence[Claim],
    seeds: Sequence[int] = experiments.DEFAULT_SEEDS,
    jobs: int | None = None,
    progress: Callable[[str, int, int], Any] = lambda name, done, total: None,
) -> Rerun:
    """Runs every experiment that the claims rest on.

    Args:
        claims: which.
        seeds: default the experiments' own.
        jobs: processes, default one per core.
        progress: called with (experiment at work, results there, results in all) after each result.
    """
    found = [experiments.get(name) for name in rest_on(claims)]
    tasks = [(experiment.name, arm, seed) for experiment in found for arm in experiment.arms for seed in seeds]
    results: dict[str, list[Any]] = {experiment.name: [] for experiment in found}
    for done, (task, result) in enumerate(zip(tasks, run_all(tasks, jobs)), start=1):
        results[task[0]].append(result)
        progress(task[0], done, len(tasks))
    held = {e.name: {outcome.name: outcome.held for outcome in e.check(results[e.name])} for e in found}
    return Rerun(judge(claims, held, seeds), {e.name: e.measure(results[e.name]) for e in found})
