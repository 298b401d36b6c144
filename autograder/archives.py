"""Reading a folder or a zip file that anybody may have packed, one file after the other.

Nothing is unpacked: a file's bytes are handed over, and what it is called in there never becomes a path here. So no name leads
out of a folder. A file too large, too many files, or a zip in a zip in a zip, are refused before they are read, and each read
stops at a limit, whatever the archive says of itself.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from pathlib import Path

from autograder.submissions import LARGEST_FILE

LARGEST_NOTEBOOK = LARGEST_FILE  # what is graded
LARGEST_INNER_ZIP = 50 << 20
LARGEST_RATIO = 200  # notebooks pack ten to one, a figure's text somewhat better
SMALL = 1 << 20  # below this size the ratio does not matter
MOST_ZIPS_IN_EACH_OTHER = 3
LONGEST_NAME = 255  # as in file systems; a zip's names may be longer
MOST_FILES, MOST_BYTES = 50_000, 8 << 30  # in a platform's zip
MOST_FILES_INNER, MOST_BYTES_INNER = 2_000, 100 << 20  # in one zip within it, which one person handed in

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)  # what a zip says where nobody noted a date
_DRIVE = re.compile(r"[A-Za-z]:")
_UTF8_NAME, _ENCRYPTED = 0x800, 0x1
_ENTRY = b"PK\x01\x02"  # begins each line of a zip's list of files


class Refused(Exception):
    """A file that is not read; the message says why, to go on after the file's name."""


@dataclass
class _Budget:
    """What may still be read."""

    files: int
    size: int


@dataclass(frozen=True)
class Member:
    """A file of what was given.

    Attributes:
        parts: the folders it lies in, from the top, and its name, in NFC; a zip counts as a folder.
        date: when it was changed last, in seconds since the epoch; None if nothing says so. What lies in a zip within the
            archive has that zip's date, which the platform set, not its author.
        refused: why it cannot be read; empty if it can.
    """

    parts: tuple[str, ...]
    date: float | None = None
    refused: str = ""
    _read: Callable[[], bytes] = field(default=bytes, repr=False)

    @property
    def path(self) -> str:
        """Its place, fit for a terminal."""
        return printable("/".join(self.parts))

    def read(self) -> bytes:
        """Its content. To be called before the next file is asked for.

        Raises:
            Refused: if it is damaged, too large, or packed like a zip bomb.
        """
        if self.refused:
            raise Refused(self.refused)
        return self._read()


def printable(text: str) -> str:
    """Text with the signs replaced that do not print, and may tell a terminal something."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)


def files(source: Path) -> Iterator[Member]:
    """The files of a folder, of a zip file, or the one file that it is; in the same order every time. Links are not followed.

    Raises:
        ValueError: if there is nothing at that path.
    """
    if not source.exists():
        raise ValueError(f"{source} does not exist; name a folder, a zip file or a notebook")
    budget = _Budget(MOST_FILES, MOST_BYTES)
    if source.is_dir():
        yield from _folder(source, (), budget)
    elif _is_zip(source.name):
        with source.open("rb") as stream:
            yield from _zip(stream, (), None, budget, 1, source.name)
    else:
        yield _plain(source, (_composed(source.name),), budget)


def _folder(folder: Path, parts: tuple[str, ...], budget: _Budget) -> Iterator[Member]:
    for path in sorted(folder.iterdir()):
        inner = (*parts, _composed(path.name))
        if path.is_dir() and not path.is_symlink():
            yield from _folder(path, inner, budget)
            continue
        member = _plain(path, inner, budget)
        if _is_zip(path.name) and not member.refused:
            with path.open("rb") as stream:
                yield from _zip(stream, inner, member.date, _Budget(MOST_FILES, MOST_BYTES), 1)
        else:
            yield member


def _plain(path: Path, parts: tuple[str, ...], budget: _Budget) -> Member:
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        return Member(parts, refused="it is a link, not a file" if path.is_symlink() else "it is no plain file")

    def read() -> bytes:
        with path.open("rb") as stream:
            return _limited(stream.read, LARGEST_NOTEBOOK, budget)

    return Member(parts, status.st_mtime, _read=read)


def _zip(
    stream: io.BufferedIOBase, parts: tuple[str, ...], date: float | None, budget: _Budget, depth: int, name: str = ""
) -> Iterator[Member]:
    """The files of a zip, which lies at ``parts`` of what was given, or is it, called ``name``."""
    here = parts or (_composed(name),)
    try:
        archive = zipfile.ZipFile(stream)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        yield Member(here, date, "it is no zip file that can be opened; download it again")
        return
    with archive:
        found = [info for info in archive.infolist() if not info.filename.endswith(("/", "\\"))]
        if len(found) > budget.files:
            yield Member(here, date, f"it holds more than {budget.files} files")
            return
        budget.files -= len(found)
        for info in found:
            inner = (*parts, *_parts(info))
            told = date if depth > 1 else _date(info)
            refused = _refused(info)
            if refused or not _is_zip(inner[-1]):
                yield Member(inner, told, refused, partial(_unpacked, archive, info, LARGEST_NOTEBOOK, budget))
            elif depth == MOST_ZIPS_IN_EACH_OTHER:
                yield Member(inner, told, f"it is a zip within {depth} others")
            else:
                try:
                    content = _unpacked(archive, info, LARGEST_INNER_ZIP, budget)
                except Refused as error:
                    yield Member(inner, told, str(error))
                    continue
                own = _Budget(MOST_FILES_INNER, MOST_BYTES_INNER)
                if content.count(_ENTRY) > own.files:  # to list them all would take the memory of a class
                    yield Member(inner, told, f"it holds more than {own.files} files")
                    continue
                yield from _zip(io.BytesIO(content), inner, told, own, depth + 1)


def _parts(info: zipfile.ZipInfo) -> tuple[str, ...]:
    """Where a zip says that a file lies. Some write a backslash between folders."""
    parts = _name(info).replace("\\", "/").split("/")
    return tuple(part[:LONGEST_NAME] for part in parts if part not in ("", ".")) or ("?",)


def _name(info: zipfile.ZipInfo) -> str:
    name = info.orig_filename.split("\0")[0]
    if not info.flag_bits & _UTF8_NAME:  # a Mac writes UTF-8 and does not say so
        with contextlib.suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return _composed(name)


def _refused(info: zipfile.ZipInfo) -> str:
    """Why a file of a zip is not to be read, from what the zip says of it."""
    name = _name(info).replace("\\", "/")
    if name.startswith("/") or _DRIVE.match(name) or ".." in name.split("/"):
        return "its path leads out of the zip"
    if max(map(len, name.split("/"))) > LONGEST_NAME:
        return "its name is too long"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "it is a link, not a file"
    if info.flag_bits & _ENCRYPTED:
        return "it is locked with a password"
    # only of these two can a read be stopped in time
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "it is packed in an unusual way; pack it again as an ordinary zip"
    if info.file_size > max(SMALL, LARGEST_RATIO * info.compress_size):
        return f"it is packed more than {LARGEST_RATIO} to 1, as zip bombs are"
    return ""


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, largest: int, budget: _Budget) -> bytes:
    try:
        with archive.open(info) as stream:  # reads no more than the sizes that were looked at, whatever follows
            return _limited(stream.read, largest, budget)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError):
        raise Refused("it is damaged; download it again") from None


def _limited(read: Callable[[int], bytes], largest: int, budget: _Budget) -> bytes:
    content = read(min(largest, budget.size) + 1)
    if len(content) > largest:
        raise Refused(f"it is larger than {largest >> 20} MB")
    if len(content) > budget.size:
        raise Refused("what was packed with it is too large")
    budget.size -= len(content)
    return content


def _date(info: zipfile.ZipInfo) -> float | None:
    try:
        return None if info.date_time == _FIRST_DATE else datetime(*info.date_time).timestamp()
    except (ValueError, OverflowError, OSError):
        return None


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _composed(name: str) -> str:
    """A name in NFC: Macs take accents and letters apart. What is no Unicode in a name is replaced."""
    return unicodedata.normalize("NFC", os.fsencode(name).decode("utf-8", "replace"))
