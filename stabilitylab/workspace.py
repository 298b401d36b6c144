"""Where the course's files live, and how they are written.

The package is installed from a checkout (``pip install -e .``), so data and a learner's work sit beside it.
"""

from __future__ import annotations

import contextlib
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

_REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.EISDIR}
_FULL = {errno.ENOSPC, errno.EDQUOT}


class NotWritable(OSError):
    """A folder takes no files; says so in one sentence, in a notebook too, and what would do. Has the refusal's ``errno``."""

    def __str__(self) -> str:
        return str(self.strerror)

    def _render_traceback_(self) -> list[str]:  # IPython shows this in place of a traceback
        return [str(self)]


def make_folder(folder: Path) -> None:
    """Makes a folder, and sees to it that files can be put there, before long work ends in a refusal.

    Raises:
        NotWritable: if the folder cannot be made, takes no files, or has no room left.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        _refuse(folder, error)


def _refuse(folder: Path, error: OSError) -> NoReturn:
    if error.errno in _FULL:
        said = f"{folder} is full ({error.strerror}); make room on that disk, then do the same again"
        raise NotWritable(error.errno, said) from None
    if error.errno not in _REFUSALS:
        raise error
    cure = "set the environment variable STABILITYLAB_WORK to" if folder.is_relative_to(WORK) else "choose"
    said = f"{folder} cannot be written to ({error.strerror}); {cure} a folder where you may write"
    raise NotWritable(error.errno, said) from None


def write_atomically(path: Path, content: bytes | str, mode: int = 0o644) -> None:
    """Writes a file so that a reader, or a crash, sees the old content or the new, never half of it, and after a power cut too.
    Makes its folder.

    Args:
        path: of the file; one that is there is replaced.
        content: text is written as UTF-8.
        mode: who may read and write the file.

    Raises:
        NotWritable: if the folder cannot be made, takes no files, or has no room left.
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
            file.flush()
            os.fsync(descriptor)  # or a file may be there after a power cut, and be empty
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException as error:
        os.unlink(temporary)
        if isinstance(error, OSError):
            _refuse(path if path.is_dir() else path.parent, error)
        raise
    with contextlib.suppress(OSError):  # some file systems keep no folders in step: the old content is whole there too
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


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
