"""The pages made from the recorded evidence: ``docs/claims.md``, ``docs/experiments.md``, ``data/experiments.yaml``, and the
figures in ``data/claims.yaml``."""

from __future__ import annotations

import dataclasses
import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from stabilitylab import experiments, workspace
from stabilitylab.claims import along, evidence
from stabilitylab.claims.verdicts import PATH, Claim, load, recorded, select
from stabilitylab.experiments import DEFAULT_SEEDS, FRESH_SEEDS, axes, registry

DOCS = workspace.ROOT / "docs"
HEADER = """\
# Popular claims about training instability, on trial. Edit anything but `measured`, which `stabilitylab ledger` fills in from
# data/evidence: the median, and in brackets the lowest and highest, over the fresh seeds {fresh}.
"""


def pages() -> dict[Path, str]:
    """Every generated file and what it should hold."""
    found = [_measured(claim) for claim in load()]
    return {
        PATH: _ledger_yaml(found),
        DOCS / "claims.md": _claims_page(found),
        DOCS / "experiments.md": _experiments_page(),
        registry.INDEX: _index(),
    }


def write() -> list[Path]:
    """Brings the generated files up to date; returns those that changed."""
    changed = _stale()
    for path, text in changed.items():
        workspace.write_atomically(path, text)
    return list(changed)


def stale() -> list[Path]:
    """The generated files that do not say what the evidence says."""
    return list(_stale())


def verdicts(*ids: str) -> Any:
    """The verdicts on some claims as a table for a lesson.

    Args:
        ids: such as ``"A3"``.

    Raises:
        ValueError: for an id that no claim has.
    """
    from IPython.display import Markdown

    chosen = select(load(), ids)
    fresh = recorded(chosen, FRESH_SEEDS)
    lines = [f"| claim | verdict | held on seeds {evidence.seed_range(FRESH_SEEDS)} |", "|---|---|---|"]
    for judgement in fresh:
        claim, count = judgement.claim, f"{judgement.count} of {len(judgement.held)}"
        lines.append(f"| [{claim.id}](../docs/claims.md#{claim.id.lower()}): {claim.claim} | **{claim.verdict}** | {count} |")
    return Markdown("\n".join(lines))


def _stale() -> dict[Path, str]:
    return {path: text for path, text in pages().items() if not path.exists() or path.read_text(encoding="utf-8") != text}


def _measured(claim: Claim) -> Claim:
    """The claim, with the figures it names as they were last recorded."""
    filled = {}
    for key in claim.measured:
        name, _, figure = key.partition("/")
        by_seed = evidence.load(name).quantities[figure]
        filled[key] = evidence.spread([by_seed[seed] for seed in FRESH_SEEDS], experiments.get(name).quantities[figure].unit)
    return dataclasses.replace(claim, measured=filled)


def _ledger_yaml(found: Sequence[Claim]) -> str:
    entries = [
        {key: _plain(value) for key, value in vars(claim).items() if value or key not in ("along", "contradicts")}
        for claim in found
    ]
    # PyYAML breaks a line after the word that crosses the width
    body = yaml.safe_dump({"claims": entries}, sort_keys=False, allow_unicode=True, width=115)
    return HEADER.format(fresh=evidence.seed_range(FRESH_SEEDS)) + body


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return list(value) if isinstance(value, (list, tuple)) else value


def _index() -> str:
    entries = {name: dataclasses.asdict(summary) for name, summary in registry.summarise().items()}
    head = "# Derived from stabilitylab/experiments by `stabilitylab ledger`, so that `stabilitylab list` need not load them.\n"
    return head + yaml.safe_dump(entries, sort_keys=False, allow_unicode=True, width=120)


def _claims_page(found: Sequence[Claim]) -> str:
    default = {j.claim.id: j for j in recorded(found, DEFAULT_SEEDS)}
    fresh = {j.claim.id: j for j in recorded(found, FRESH_SEEDS)}
    lines = [
        "# The ledger: every claim, its verdict, and the runs that decide it",
        "",
        "Made from `data/claims.yaml` and `data/evidence` by `stabilitylab ledger`; do not edit it here. Tolerances were set "
        f"on seeds below 1000, the default seeds {evidence.seed_range(DEFAULT_SEEDS)} among them; seeds "
        f"{evidence.seed_range(FRESH_SEEDS)} were run afterwards and set nothing. A verdict holds on a seed if every "
        "expectation it rests on holds there. `stabilitylab claims` runs all of it again; `stabilitylab claims --only B1 "
        "--seeds 2000-2004` runs one claim on seeds of your own.",
        "",
        f"| id | claim | verdict | seeds {evidence.seed_range(DEFAULT_SEEDS)} | seeds {evidence.seed_range(FRESH_SEEDS)} |",
        "|---|---|---|---|---|",
    ]
    for claim in found:
        a, b = default[claim.id], fresh[claim.id]
        counts = f"{a.count}/{len(a.held)} | {b.count}/{len(b.held)}"
        lines.append(f"| [{claim.id}](#{claim.id.lower()}) | {claim.claim} | {claim.verdict} | {counts} |")
    for claim in found:
        lines += [
            "",
            f"## {claim.id}",
            "",
            f"> {claim.claim}",
            "",
            f"*From {_article(claim.found_in)}.* **Verdict: {claim.verdict}.** {claim.condition}",
        ]
        for axis in claim.along:
            lines += ["", f"**Along {axes.axis(axis).states}:** {along.in_words(claim, axis)}."]
        if claim.contradicts:
            lines += ["", f"**Contradiction.** {claim.contradicts}"]
        lines += ["", "Rests on:", ""]
        for name, expectations in claim.evidence.items():
            for key in expectations:
                held = evidence.load(name).held[key]
                states = experiments.get(name).expectations[key].states
                lines.append(f"- [{name}](experiments.md#{name}): {states} ({_count(held, FRESH_SEEDS)})")
        if claim.measured:
            lines += ["", f"| measured on seeds {evidence.seed_range(FRESH_SEEDS)} | median (lowest to highest) |", "|---|---|"]
            for key, value in claim.measured.items():
                name, _, figure = key.partition("/")
                lines.append(f"| {name}: {experiments.get(name).quantities[figure].states} | {value} |")
        lines += ["", f"Taught in lesson {claim.lesson}."]
    return "\n".join(_wrap(lines)) + "\n"


def _experiments_page() -> str:
    lines = [
        "# The experiments, and how they fared on seeds that tuned nothing",
        "",
        "Made from `stabilitylab/experiments` and `data/evidence` by `stabilitylab ledger`; do not edit it here. Settings and "
        f"tolerances were set on seeds below 1000; seeds {evidence.seed_range(FRESH_SEEDS)} were run afterwards and set "
        "nothing. `stabilitylab check NAME --seeds A-B` checks one experiment on seeds of your own; `stabilitylab record NAME` "
        "makes its evidence again.",
        "",
        "Floating-point arithmetic differs between processors and builds of PyTorch: elsewhere the numbers move, and the "
        "expectations are meant to hold. The evidence files hold the versions and the hash of the text they were made with.",
    ]
    seeds = f"seeds {evidence.seed_range(DEFAULT_SEEDS)} | seeds {evidence.seed_range(FRESH_SEEDS)}"
    for name, experiment in experiments.all_experiments().items():
        kept = evidence.load(name)
        lines += [
            "",
            f"## {name}",
            "",
            f"Subject: {experiments.subject(name)}.",
            "",
            f"*{experiment.question[0].upper()}{experiment.question[1:]}*",
            "",
            experiments.account(name),
            "",
        ]
        lines += [f"**Shows.** {experiment.shows}", "", f"**Does not show.** {experiment.does_not_show}", ""]
        lines += ["| arm | |", "|---|---|"] + [f"| {key} | {arm.about} |" for key, arm in experiment.arms.items()]
        lines += [
            "",
            f"| expectation | least share | {seeds} |",
            "|---|---|---|---|",
        ]
        for key, expectation in experiment.expectations.items():
            held = kept.held[key]
            lines.append(
                f"| {expectation.states} | {expectation.share:g} | {_count(held, DEFAULT_SEEDS)} | {_count(held, FRESH_SEEDS)} |"
            )
        lines += ["", "| figure | median (lowest to highest) on the fresh seeds |", "|---|---|"]
        for key, figure in experiment.quantities.items():
            values = [kept.quantities[key][seed] for seed in FRESH_SEEDS]
            lines.append(f"| {figure.states} | {evidence.spread(values, figure.unit)} |")
        made = kept.made_with
        lines += ["", f"Made with Python {made['python']}, PyTorch {made['torch']}, corpus {made['corpus_sha256'][:12]}."]
    return "\n".join(_wrap(lines)) + "\n"


def _wrap(lines: Sequence[str], width: int = 130) -> list[str]:
    """The lines of a page, with paragraphs, list items and quotations wrapped; tables and headings stay as they are."""
    wrapped = []
    for line in "\n".join(lines).splitlines():
        if len(line) <= width or line.startswith(("|", "#")):
            wrapped.append(line)
            continue
        hang = {"- ": "  ", "> ": "> "}.get(line[:2], "")
        # no line may begin with what Markdown reads as a list, a quotation or a heading
        glued = re.sub(r" (?=([-+*>]|#+|\d+[.)]) )", "\0", line)
        pieces = textwrap.wrap(glued, width, subsequent_indent=hang, break_long_words=False, break_on_hyphens=False)
        wrapped += [piece.replace("\0", " ") for piece in pieces]
    return wrapped


def _count(held, seeds: Sequence[int]) -> str:
    return f"{sum(held[seed] for seed in seeds)}/{len(seeds)}"


def _article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"
