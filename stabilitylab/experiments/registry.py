"""Finds experiments by the files they stand in: ``SUBJECT/value_clipping.py`` holds the experiment ``value-clipping``.

Names and subjects are read from the folders, questions and arms from ``data/experiments.yaml``, which ``stabilitylab ledger``
derives from the modules: so all of them are known before PyTorch is loaded.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import yaml

from stabilitylab import workspace

if TYPE_CHECKING:
    from stabilitylab.experiments.experiment import Experiment

INDEX = workspace.DATA / "experiments.yaml"
_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Summary:
    """What can be said of an experiment without loading it: its subject, its question, and arm -> what is different about it."""

    subject: str
    question: str
    arms: Mapping[str, str]


@cache
def _files() -> dict[str, Path]:
    """Experiment -> its module's file, subject by subject."""
    found = sorted(path for path in _FOLDER.glob("*/*.py") if not path.stem.startswith("_"))
    return {path.stem.replace("_", "-"): path for path in found}


def names() -> tuple[str, ...]:
    """Every experiment's name, subject by subject. Loads none of them."""
    return tuple(_files())


def subject(name: str) -> str:
    """The subject an experiment belongs to, such as ``"learning rate"``. Loads nothing."""
    return _files()[name].parent.name.replace("_", " ")


def summaries() -> dict[str, Summary]:
    """Every experiment that the index knows, by name. Loads none of them."""
    return {name: Summary(**entry) for name, entry in yaml.safe_load(INDEX.read_text(encoding="utf-8")).items()}


def summarise() -> dict[str, Summary]:
    """Every experiment as the index should have it, from the modules themselves."""
    return {
        name: Summary(subject(name), experiment.question, {key: arm.about for key, arm in experiment.arms.items()})
        for name, experiment in all_experiments().items()
    }


def get(name: str) -> Experiment:
    """The experiment of that name.

    Raises:
        ValueError: if there is none.
    """
    return _module(name).EXPERIMENT


def all_experiments() -> dict[str, Experiment]:
    """Every experiment by name, subject by subject."""
    return {name: get(name) for name in names()}


def account(name: str) -> str:
    """The docstring of an experiment's module: what it decides, on which seeds it was tuned, and what was tried in vain.

    Raises:
        ValueError: if there is no such experiment.
    """
    return (_module(name).__doc__ or "").strip()


@cache
def _module(name: str) -> ModuleType:
    if name not in _files():
        raise ValueError(f"name is {name!r}; the experiments are {', '.join(_files())}")
    module = importlib.import_module(f"{__package__}.{_files()[name].parent.name}.{_files()[name].stem}")
    if module.EXPERIMENT.name != name:
        raise ValueError(
            f"{_files()[name].name} holds the experiment {module.EXPERIMENT.name!r}; a file is named like its experiment"
        )
    return module
