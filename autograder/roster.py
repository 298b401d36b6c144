"""Who is who: a student's folder, the name a learning platform shows, and the numbers it knows the student by.

The roster is a file of the folder that collected submissions lie in. Once a student has a folder it stays that student's; rows
and columns that a teacher adds stay too.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.submissions import STUDENT
from stabilitylab import workspace

NAME = "roster.csv"
COLUMNS = ("student", "name", "platform", "assignment", "id")
LONGEST, MOST_BYTES = 60, 150  # of a student's folder; the name becomes part of other files' names
NOBODY = "participant"  # what Moodle calls everyone where marking is blind
FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a cell begins with that a spreadsheet takes for a formula."""


@dataclass(frozen=True)
class Author:
    """Whoever handed something in, as the platform says.

    Attributes:
        platform: ``"moodle"``, ``"canvas"``, or ``"folder"`` where a folder or a file bears a student's name.
        id: what the platform knows them by.
        name: what the platform shows.
        assignment: where ``id`` holds for one assignment only (Moodle's participant numbers), that one; else empty.
    """

    platform: str
    id: str
    name: str
    assignment: str = ""


def protect(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: one that begins like one gets an apostrophe before it."""
    return f"'{cell}" if cell.lstrip(" ").startswith((*FORMULA, "'")) else cell


def unprotect(cell: str) -> str:
    """What ``protect`` was given."""
    return cell.removeprefix("'")


def safe(name: str) -> str:
    """A display name as the name of a student's folder: ``"O'Brien, Zoë"`` becomes ``"OBrien_Zoë"``; empty if nothing is left."""
    name = unicodedata.normalize("NFC", name)
    if STUDENT.fullmatch(name) and len(name) <= LONGEST and len(name.encode()) <= MOST_BYTES:
        return name
    name = "".join(sign for sign in name if unicodedata.category(sign)[0] != "M" and sign not in "'’ʼ`´")
    name = re.sub(r"^[\W_]+", "", re.sub(r"[^\w.@+-]+", "_", name))[:LONGEST]
    return name.encode()[:MOST_BYTES].decode(errors="ignore").rstrip("_.-+@")


class Roster:
    """The roster of a folder of submissions.

    Args:
        folder: the one that holds, or will hold, a folder for each student.

    Raises:
        ValueError: if there is a roster that cannot be read.
    """

    def __init__(self, folder: Path):
        self.path = folder / NAME
        self.columns: list[str] = list(COLUMNS)
        self.rows: list[dict[str, str]] = []
        if self.path.exists():
            self._read()
        self._saved = [dict(row) for row in self.rows]
        listed = {row["student"] for row in self.rows}
        present = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
        # folders that were there before any roster are students' too
        self._unlisted = [name for name in present if name not in listed and STUDENT.fullmatch(name)]

    def _read(self) -> None:
        try:
            text = self.path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError:
            raise ValueError(f"{self.path} is not in UTF-8; save it again as CSV UTF-8") from None
        heading = text.partition("\n")[0]
        reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=heading.count))
        self.columns = list(reader.fieldnames or ())
        missing = [column for column in COLUMNS if column not in self.columns]
        if missing:
            raise ValueError(f"{self.path} has no column {', '.join(missing)}; its columns must be {', '.join(COLUMNS)}")
        try:
            rows = list(reader)
        except csv.Error as error:
            raise ValueError(f"{self.path} could not be read as CSV ({error})") from None
        for number, row in enumerate(rows, start=2):
            found = {column: unprotect(row[column] or "") for column in self.columns}
            if not STUDENT.fullmatch(found["student"]):
                raise ValueError(
                    f"{self.path}, row {number}: student is {found['student']!r}; "
                    "a student's folder is named in letters, digits and . @ + - _"
                )
            self.rows.append(found)

    def student(self, author: Author) -> str | None:
        """The folder of somebody who is on the roster by their number, or who has a folder of that name."""
        for row in self.rows:
            if (row["platform"], row["assignment"], row["id"]) == (author.platform, author.assignment, author.id):
                return row["student"]
        return author.id if author.platform == "folder" and author.id in self._unlisted else None

    def author(self, student: str, platform: str, assignment: str) -> Author | None:
        """What a platform knows a student by, for one assignment; None if the roster does not say."""
        for row in self.rows:
            if (row["student"], row["platform"]) == (student, platform) and row["assignment"] in ("", assignment):
                return Author(platform, row["id"], row["name"], row["assignment"])
        return None

    def names(self, student: str) -> set[str]:
        """The names that platforms show for a student."""
        return {row["name"] for row in self.rows if row["student"] == student}

    def enrol(self, authors: Iterable[Author]) -> dict[Author, str]:
        """Gives each author a folder's name: the one they have, the one of the only student of their name, or a new one.

        Only where a number holds for one assignment is a student known again by name; where several share it, they get no name
        here, and the roster must say who is who.
        """
        found: dict[Author, str] = {}
        new: list[Author] = []
        authors = list(authors)
        namesakes = Counter((author.platform, author.name) for author in authors if self.student(author) is None)
        for author in authors:
            student = self.student(author)
            if student is None and author.assignment and author.name.casefold() != NOBODY:
                known = self._of_the_name(author)
                if len(known) == 1 and namesakes[author.platform, author.name] == 1:
                    student = known.pop()
                elif known:
                    continue
            if student is None:
                new.append(author)
            else:
                found[author] = student
        found |= self._new(new)
        for author, student in found.items():
            if self.student(author) is None or student in self._unlisted:
                values = (student, author.name, author.platform, author.assignment, author.id)
                self.rows.append(dict.fromkeys(self.columns, "") | dict(zip(COLUMNS, values)))
                self._unlisted = [name for name in self._unlisted if name != student]
        return found

    def _of_the_name(self, author: Author) -> set[str]:
        """The students of an author's name who may be that author: those without a number in this assignment."""
        same = [row for row in self.rows if row["platform"] == author.platform]
        others = {row["student"] for row in same if row["assignment"] == author.assignment}
        return {row["student"] for row in same if row["name"] == author.name} - others

    def _new(self, authors: list[Author]) -> dict[Author, str]:
        taken = {name.casefold() for name in (*self._unlisted, *(row["student"] for row in self.rows))}
        wanted = {author: safe(author.name) or safe(author.id) or "student" for author in authors}
        shared = Counter(name.casefold() for name in wanted.values())
        found: dict[Author, str] = {}
        # who is called exactly so comes first
        for author in sorted(authors, key=lambda author: (wanted[author] != author.name, author.name, author.id)):
            name = wanted[author]
            choices = [name] if shared[name.casefold()] == 1 or author.platform == "folder" else []
            if author.platform != "folder":
                choices.append(f"{name}-{safe(author.id)}")
            choices += [f"{name}-{number}" for number in range(2, len(taken) + 3)]
            found[author] = next(choice for choice in choices if choice.casefold() not in taken)
            taken.add(found[author].casefold())
        return found

    def save(self) -> None:
        """Writes the roster, if anybody was added."""
        if self.rows == self._saved:
            return
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([protect(row[column]) for column in self.columns] for row in self.rows)
        workspace.write_atomically(self.path, text.getvalue())
        self._saved = [dict(row) for row in self.rows]
