"""Where the course's files live, and how they are written.

The package is installed from a checkout (``pip install -e .``), so data and a learner's work sit beside it.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
EXERCISES = ROOT / "exercises"
WORK = Path(os.environ.get("STABILITYLAB_WORK", ROOT / "work"))
"""A learner's own files: exercises, predictions, saved runs. Not in git, never overwritten. ``STABILITYLAB_WORK`` moves it."""


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a file so that a reader, or a crash, sees the old content or the new, never half of it. Makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode("utf-8") if isinstance(content, str) else content
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def load(name: str, version: int) -> dict[str, Any]:
    """A learner's kept entries, from ``work/NAME.json``; none if there is no such file.

    A file that cannot be read is set aside as ``NAME.json.broken`` (then ``.broken1``, ...), with a printed sentence, and never overwritten.

    Args:
        name: of the file, such as ``"predictions"``.
        version: of its format; a file of another version counts as one that cannot be read.
    """
    path = WORK / f"{name}.json"
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["version"] != version:
            raise ValueError(f"version {data['version']}")
        return dict(data[name])
    except (ValueError, KeyError, TypeError) as error:
        names = (path.with_name(f"{path.name}.broken{number or ''}") for number in itertools.count())
        aside = next(name for name in names if not name.exists())
        path.replace(aside)
        print(f"Your {name} could not be read ({error}); the file is kept as {aside.name} and a new one begins.")
        return {}


def save(name: str, version: int, entries: Mapping[str, Any]) -> None:
    """Replaces ``work/NAME.json``, whole or not at all; see ``load``."""
    write_atomically(WORK / f"{name}.json", json.dumps({"version": version, name: dict(entries)}, indent=1))


def copy_exercises(source: Path = EXERCISES, target: Path = WORK) -> list[Path]:
    """Copies each exercise file that ``target`` does not have yet; a file that exists there is the learner's and is left alone.

    Returns:
        The files that were made.
    """
    made = []
    for file in sorted(p for p in source.rglob("*") if p.is_file() and ".ipynb_checkpoints" not in p.parts):
        copy = target / file.relative_to(source)
        if not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            made.append(copy)
    return made
