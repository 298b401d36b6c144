"""Where the course's files live, and how they are written.

The package is installed from a checkout (``pip install -e .``), so data and a learner's work sit beside it.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
EXERCISES = ROOT / "exercises"
WORK = Path(os.environ.get("STABILITYLAB_WORK") or ROOT / "work").expanduser().absolute()
"""A learner's own files: lessons, exercises, predictions, saved runs. Not in git. ``STABILITYLAB_WORK`` moves it."""

_REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST}


class NotWritable(OSError):
    """A folder takes no files; says so in one sentence, in a notebook too, and what would do."""

    def _render_traceback_(self) -> list[str]:  # IPython shows this in place of a traceback
        return [str(self)]


def make_folder(folder: Path) -> None:
    """Makes a folder, and sees to it that files can be put there, before long work ends in a refusal.

    Raises:
        NotWritable: if the folder cannot be made or takes no files.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        _refuse(folder, error)


def _refuse(folder: Path, error: OSError) -> NoReturn:
    if error.errno not in _REFUSALS:
        raise error
    cure = "set the environment variable STABILITYLAB_WORK to" if folder.is_relative_to(WORK) else "choose"
    raise NotWritable(f"{folder} cannot be written to ({error.strerror}); {cure} a folder where you may write") from None


def write_atomically(path: Path, content: bytes | str) -> None:
    """Writes a file so that a reader, or a crash, sees the old content or the new, never half of it. Makes its folder.

    Raises:
        NotWritable: if the folder cannot be made or takes no files.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        _refuse(path.parent, error)
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

    A file that cannot be read is set aside as ``NAME.json.broken`` (then ``.broken1``, ...), with a printed sentence, and never
    overwritten.

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
