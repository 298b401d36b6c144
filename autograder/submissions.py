"""Reading submissions. A submitted notebook is anybody's file."""

from __future__ import annotations

import contextlib
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import reading

LARGEST_FILE = 20 << 20
LARGEST_SOURCE = 100_000
BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){20,}")  # what highlights code takes a time that grows with their square
MOST_CELLS = 1000
LARGEST_PICTURES = 4_000_000  # characters of base64, all pictures of a notebook together
PICTURES = ("image/png", "image/jpeg", "image/gif")
ATTACHED = re.compile(r"!\[(?P<about>[^\]\n]{0,200})\]\(attachment:(?P<name>[^)\s]{1,200})(?:\s[^)\n]{0,200})?\)")
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}")
LARGEST_FILES, MOST_FILES = 1 << 20, 100

STUDENT = re.compile(r"\w[\w.@+-]{0,99}")
"""What a student's folder may be called: the name goes into file names, pages and spreadsheets."""


class Unreadable(Exception):
    """A submission that cannot be graded; the message says why, in words for its author."""


@dataclass(frozen=True)
class Cell:
    """What is used of a submitted cell.

    Attributes:
        kind: ``"code"``, ``"markdown"`` or ``"raw"``.
        source: its text; pasted pictures stand in it as data.
        grade_id: which cell of the release it says it is, None for one of the learner's own.
        position: in the notebook that was handed in, from 1.
        pictures: how many characters of the source are pictures.
    """

    kind: str
    source: str
    grade_id: str | None = None
    position: int = 0
    pictures: int = 0


def students(folder: Path) -> list[str]:
    """What a submissions folder holds: the names of its folders.

    Raises:
        ValueError: if the folder does not exist or holds no student.
    """
    if not folder.is_dir():
        raise ValueError(f"--submissions is {folder}, which is not a folder; it should hold STUDENT/NAME/NAME.ipynb")
    found = sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX")))
    if not found:
        raise ValueError(f"--submissions {folder} holds no student; it should hold STUDENT/NAME/NAME.ipynb")
    return found


def strays(folder: Path) -> list[str]:
    """Notebooks and zips that lie beside the students' folders, where nobody's work is looked for."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in (".ipynb", ".zip") and path.is_file())


def missing(folder: Path, student: str, name: str) -> str:
    """Why there is no submission of a student, in a sentence that names what there is instead."""
    home = folder / student
    others = sorted(path.relative_to(home).as_posix() for path in home.rglob("*") if ".ipynb" in path.name and path.is_file())
    sentence = f"{name}.ipynb was not handed in."
    if not others:
        return sentence
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"{sentence} There is {', '.join(others[:3])}{more}, which `autograder collect` would sort."


def read(folder: Path, student: str, name: str) -> list[Cell] | None:
    """The cells of one student's submission, None if there is none.

    Raises:
        Unreadable: for whatever else may have been done to the file.
    """
    path = folder / student / name / f"{name}.ipynb"
    if not (path.exists() or path.is_symlink()):
        return None
    try:
        if path.resolve() != folder.resolve() / student / name / path.name or not path.is_file():
            raise Unreadable(f"{path.name} is not a plain file; hand in the notebook itself.")
        if path.stat().st_size > LARGEST_FILE:
            raise Unreadable(f"{path.name} is larger than {LARGEST_FILE >> 20} MB; clear its outputs and hand it in again.")
        cells = list(cells_of(reading.notebook_of(path.read_bytes())))
    except (OSError, ValueError, RecursionError, AttributeError, KeyError, TypeError):
        raise Unreadable(
            f"{path.name} could not be read as a notebook; save it again from JupyterLab and hand it in again."
        ) from None
    if len(cells) > MOST_CELLS or sum(len(cell.source) - cell.pictures for cell in cells) > LARGEST_SOURCE:
        raise Unreadable(f"{path.name} holds more text than can be graded; remove what does not belong to your answers.")
    return cells


def cells_of(notebook: dict[str, Any]) -> Iterator[Cell]:
    """The cells of a notebook file that make sense, whatever the others are like."""
    room = LARGEST_PICTURES
    for position, cell in enumerate(notebook["cells"], start=1):
        kind, source = cell.get("cell_type"), cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if kind not in ("code", "markdown", "raw") or not isinstance(source, str):
            continue
        nbgrader = (cell.get("metadata") or {}).get("nbgrader")
        grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
        # half of a surrogate pair is legal in JSON and in no other file
        source = BLANK_LINES.sub("\n" * 20, source.encode("utf-8", "replace").decode())
        text = len(source)
        if kind != "code":
            source = with_pictures(source, cell.get("attachments"), room)
        pictures = max(0, len(source) - text)
        room -= pictures
        yield Cell(kind, source, grade_id if isinstance(grade_id, str) else None, position, pictures)


def with_pictures(text: str, attachments: Any, room: int) -> str:
    """A text whose pasted pictures stand in it as data, where a page finds them; one that cannot be shown becomes a few words.

    Args:
        text: Markdown.
        attachments: of its cell, which may be anything.
        room: characters that pictures may take.
    """
    left = room

    def shown(reference: re.Match[str]) -> str:
        nonlocal left
        about, name = reference["about"], urllib.parse.unquote(reference["name"])
        held = attachments.get(name) if isinstance(attachments, dict) else None
        for kind in PICTURES:
            data = held.get(kind) if isinstance(held, dict) else None
            if isinstance(data, str) and len(data) <= left and BASE64.fullmatch(data := "".join(data.split())):
                left -= len(data)
                return f"![{about}](data:{kind};base64,{data})"
        return f"(the picture {about or name} is not shown)"

    return ATTACHED.sub(shown, text)


def files(folder: Path, student: str, name: str) -> dict[str, bytes]:
    """What a student handed in beside the notebook: small plain files, by their names. What there is no room for is left out."""
    home = folder / student / name
    found: dict[str, bytes] = {}
    room = LARGEST_FILES
    if home.resolve() != folder.resolve() / student / name or not home.is_dir():
        return found
    for path in sorted(home.rglob("*"))[:MOST_FILES]:
        inside = path.relative_to(home)
        if path.suffix == ".ipynb" or any(part.startswith(".") for part in inside.parts):
            continue
        if path.resolve() != home.resolve() / inside or not path.is_file() or path.stat().st_size > room:
            continue
        with contextlib.suppress(OSError):  # what may not be read is as good as not handed in
            found[inside.as_posix()] = content = path.read_bytes()
            room -= len(content)
    return found
