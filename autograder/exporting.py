"""Points for a learning platform: the CSV that Moodle or Canvas imports, from nbgrader's gradebook.

The gradebook is what knows the points that were given by hand. A student of whom a free-text answer still waits gets no points
yet: a sum without it would look like a grade. Nothing is guessed: who cannot be matched is named.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry

from autograder import course
from autograder.archives import printable
from autograder.gradebook import COURSE_ID, check, explained
from autograder.journal import Journal
from autograder.roster import FORMULA, Roster
from stabilitylab import workspace

_PARTICIPANT = re.compile(r"\D+(\d+)")  # Moodle's identifier, "Participant 123", in any language
_NUMBER = re.compile(r"-|[+-]?\d+(?:[.,]\d+)?")
_PLAIN_ID = re.compile(r"[+@-]?[\w.@+-]+")  # has nothing in it that a spreadsheet could call
_CANVAS_ABOUT = (
    "lastname",
    "firstname",
    "student",
    "id",
    "sis user id",
    "sis login id",
    "integration id",
    "root account",
    "section",
)
_NAMES = ("student", "full name", "first name", "last name", "surname", "lastname", "firstname")
_IDS = ("id", "sis user id", "sis login id", "integration id", "email address", "id number", "username")


@dataclass(frozen=True)
class Points:
    """What one student has in the gradebook: the points, or why there are none to hand on yet."""

    score: float
    waits: str = ""


@dataclass
class _Table:
    """A platform's file: its header, and its rows, students' and others.

    Attributes:
        students: the rows that are students'.
        id: the column of the platform's number, None if there is none.
        grade: the column to fill in.
        best: the most points that the platform gives, None if it does not say.
    """

    header: list[str]
    rows: list[list[str]]
    students: list[list[str]]
    id: int | None
    grade: int
    best: float | None
    delimiter: str = ","
    mark: str = ""

    def key(self, row: Sequence[str]) -> str:
        """The platform's number of the student in a row."""
        if self.id is None:
            return ""
        found = _PARTICIPANT.fullmatch(row[self.id].strip())
        return found[1] if found else row[self.id].strip()

    def cells(self, row: Sequence[str], columns: Sequence[str]) -> list[str]:
        """The cells of a row that stand in some columns."""
        return [cell.strip() for title, cell in zip(self.header, row) if title.strip().casefold() in columns and cell.strip()]


def export(
    name: str,
    platform: str,
    submissions: Path,
    target: Path,
    *,
    gradebook: Path | None = None,
    column: str | None = None,
    workdir: Path = course.WORKDIR,
    say: Callable[[str], None] = print,
) -> bool:
    """Writes the points of an assignment as a platform imports them.

    Args:
        name: the assignment.
        platform: ``"moodle"`` or ``"canvas"``.
        submissions: the folder that was collected into, with its roster.
        target: the CSV to write.
        gradebook: the platform's own file: Moodle's grading worksheet, or the gradebook that Moodle or Canvas exports. Without
            it, students are listed by the numbers of the roster.
        column: the title of the column to fill in; default the one named after the assignment, in a worksheet ``Grade``.
        workdir: where ``autograder grade`` wrote.
        say: told who gets no points and why.

    Returns:
        Whether everyone who handed in something got their points.

    Raises:
        ValueError: if nothing was graded, or a file is not as its platform writes it.
    """
    if not submissions.is_dir():
        raise ValueError(f"--submissions is {submissions}, which is not a folder; name the one that was collected into")
    points, best = read_points(name, workdir)
    roster = Roster(submissions)
    table = _read(gradebook, name, platform, column) if gradebook else _listed(name, platform, column, roster, points, best)
    complete = True

    def tell(sentence: str) -> None:
        nonlocal complete
        complete = False
        say(printable(sentence))

    if table.best is not None and table.best != best:
        tell(
            f"{platform.capitalize()} gives up to {table.best:g} points for {name}, which has {best:g}: "
            f"set it to {best:g} there before the import, for points are written as they are"
        )
    matched = _matched(name, platform, roster, sorted(points), table)
    for student, score in sorted(points.items()):
        row = matched.get(student)
        if score.waits:
            tell(f"{student}: no points written, {score.waits}")
        elif row is None:
            tell(f"{student}: no points written ({score.score:g}), nobody in {gradebook or roster.path} could be matched")
        else:
            row[table.grade] = f"{score.score:.4f}".rstrip("0").rstrip(".")
    for path in sorted(submissions.glob(f"*/{name}/{name}.ipynb")):
        if path.parent.parent.name not in points:
            tell(f"{path.parent.parent.name}: no points written, not graded yet; run autograder grade")
    if gradebook:
        rows = [id(row) for row in matched.values()]
        for row in table.students:
            if id(row) not in rows:
                called = printable(" ".join(table.cells(row, _NAMES)) or table.key(row))
                say(f"{called}: left as it is, handed in nothing that was graded")
    workspace.write_atomically(target, _written(table, platform))
    return complete


def read_points(name: str, workdir: Path) -> tuple[dict[str, Points], float]:
    """Everybody's points for an assignment, by student, and the most that can be had.

    Raises:
        ValueError: if it was not graded there.
        Trouble: if the gradebook cannot be used.
    """
    path = workdir / "gradebook.db"
    if not path.is_file():  # nbgrader would make an empty one
        raise ValueError(f"--workdir {workdir} holds no gradebook.db; run autograder grade {name} first")
    check(path)
    with explained(path), Gradebook(f"sqlite:///{path}", COURSE_ID) as book:
        try:
            best = float(book.find_assignment(name).max_score)
        except MissingEntry:
            raise ValueError(f"{path} holds no {name}; run autograder grade {name} first") from None
        journal, found = Journal(workdir / "marks" / name, name), {}
        for submission in book.assignment_submissions(name):
            entry = journal.read(submission.student.id)
            waits = ""
            if entry is None:
                waits = "the marks are not in the journal any more; run autograder grade again"
            elif entry.status == "missing":
                waits = "nothing was handed in"
            elif entry.status != "graded":
                waits = f"what was handed in is {entry.status}"
            elif submission.needs_manual_grade:
                waits = "an answer waits to be graded by hand; grade it in formgrader and export again"
            found[submission.student.id] = Points(float(submission.score), waits)
    return found, best


def _matched(name: str, platform: str, roster: Roster, students: Sequence[str], table: _Table) -> dict[str, list[str]]:
    """Student -> row. By the platform's number where both sides have it, and then by nothing else; otherwise by a login, a mail
    address or a name that one row alone has."""
    found: dict[str, list[str]] = {}
    unnumbered: list[str] = []
    for student in students:
        author = roster.author(student, platform, name)
        if author is None or table.id is None:
            unnumbered.append(student)
            continue
        rows = [row for row in table.students if table.key(row) == author.id]
        if len(rows) == 1:
            found[student] = rows[0]
    left = [row for row in table.students if not any(row is other for other in found.values())]
    by_name: dict[str, list[str]] = {}
    for student in unnumbered:
        called = {_letters(student), *map(_letters, roster.names(student))}
        rows = [row for row in left if student.casefold() in map(str.casefold, table.cells(row, _IDS))]
        rows = rows or [row for row in left if _letters(" ".join(table.cells(row, _NAMES))) in called]
        if len(rows) == 1:
            by_name[student] = rows[0]
    claims = [id(row) for row in by_name.values()]
    return found | {student: row for student, row in by_name.items() if claims.count(id(row)) == 1}


def _read(path: Path, name: str, platform: str, column: str | None) -> _Table:
    """A platform's own file."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"--gradebook {path} is not in UTF-8; hand over the file as {platform.capitalize()} wrote it") from None
    heading = text.partition("\n")[0]
    delimiter = max(",;\t", key=heading.count)
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # Moodle's worksheet may hold whole texts
    try:
        rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if any(cell.strip() for cell in row)
        ]
    except csv.Error as error:
        raise ValueError(f"--gradebook {path} could not be read as CSV ({error})") from None
    if len(rows) < 2:
        raise ValueError(f"--gradebook {path} holds no student; hand over the file as {platform.capitalize()} wrote it")
    header, *rows = rows
    rows = [row + [""] * (len(header) - len(row)) for row in rows]
    mark = "\N{BYTE ORDER MARK}" if path.read_bytes().startswith(b"\xef\xbb\xbf") else ""
    make = _canvas if platform == "canvas" else _moodle
    table = make(path, header, rows, name, column)
    table.delimiter, table.mark = delimiter, mark
    return table


def _canvas(path: Path, header: list[str], rows: list[list[str]], name: str, column: str | None) -> _Table:
    titles = [title.strip().casefold() for title in header]
    if "id" not in titles or "section" not in titles:
        raise ValueError(f"--gradebook {path} is no gradebook of Canvas: it has no column ID or Section; export it under Grades")
    about = [place for place, title in enumerate(titles) if title in _CANVAS_ABOUT]
    grade = _column(path, [title if place not in about else "" for place, title in enumerate(header)], name, column)
    # only what is changed goes back: any other column would undo what was graded in Canvas meanwhile
    kept = [*about, grade]
    rows = [[row[place] for place in kept] for row in rows]
    best, students = None, []
    for row in rows:
        if "Points Possible" in row[0]:
            best = _float(row[-1])
        elif any(cell.strip() for cell in row[:-1]):  # else it is Canvas' note on how grades are posted
            students.append(row)
    return _Table([header[place] for place in kept], rows, students, about.index(titles.index("id")), len(kept) - 1, best)


def _moodle(path: Path, header: list[str], rows: list[list[str]], name: str, column: str | None) -> _Table:
    titles = [title.strip().casefold() for title in header]
    is_worksheet = all(_PARTICIPANT.fullmatch(row[0].strip()) for row in rows)
    if not (is_worksheet or {"email address", "id number", "username"} & set(titles)):
        raise ValueError(
            f"--gradebook {path} is no grading worksheet of Moodle: its first column is no Identifier such as Participant 123; "
            "download it under View all submissions, Download grading worksheet"
        )
    grade = titles.index("grade") if column is None and "grade" in titles else _column(path, header, name, column)
    most = titles.index("maximum grade") if "maximum grade" in titles else None
    best = None if most is None else _float(rows[0][most])
    return _Table(header, rows, list(rows), 0 if is_worksheet else None, grade, best)


def _column(path: Path, header: Sequence[str], name: str, column: str | None) -> int:
    """The one column that ``column`` or the assignment names; Canvas adds its number, Moodle what kind of thing it is."""
    wanted = column or name
    bare = [re.sub(r"\s*\(\d+\)$", "", title.strip()) for title in header]
    for fits in (
        [place for place, title in enumerate(header) if title.strip() == wanted],
        [place for place, title in enumerate(bare) if _letters(title) == _letters(wanted)],
        [] if column else [place for place, title in enumerate(bare) if _letters(wanted) in _letters(title)],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            break
    how = "several columns are" if fits else "no column is"
    raise ValueError(
        f"--gradebook {path}: {how} called {wanted}; choose one with --column: {', '.join(title for title in header if title)}"
    )


def _listed(name: str, platform: str, column: str | None, roster: Roster, points: Mapping[str, Points], best: float) -> _Table:
    """What the platform's file would be, of the students in the roster who have points."""
    found = [(student, roster.author(student, platform, name)) for student in sorted(points) if not points[student].waits]
    authors = [author for _, author in found if author is not None]
    if platform == "moodle":
        header = ["Identifier", "Full name", column or "Grade", "Last modified (grade)"]
        rows = [[f"Participant {author.id}", author.name, "", "-"] for author in authors]
        return _Table(header, rows, list(rows), 0, 2, None)
    header = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", column or name]
    rows = [[author.name, author.id, "", "", "", ""] for author in authors]
    return _Table(header, [["    Points Possible", "", "", "", "", f"{best:g}"], *rows], rows, 1, 5, None)


def _written(table: _Table, platform: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=table.delimiter, lineterminator="\r\n")
    writer.writerow(table.header)
    for row in table.rows:
        writer.writerow([_neutral(cell, title) for cell, title in zip_longest(row, table.header, fillvalue="")])
    return table.mark + text.getvalue()


def _neutral(cell: str, title: str) -> str:
    """A cell that no spreadsheet takes for a formula. Numbers stay as they are, and so do logins, by which platforms know people,
    and a teacher's comments, which Moodle would import anew."""
    title = title.strip().casefold()
    harmless = _PLAIN_ID if title in _IDS else None if title in _NAMES else _NUMBER
    begins_as_formula = cell.lstrip(" ").startswith(FORMULA)
    if not begins_as_formula or title.startswith("feedback") or (harmless and harmless.fullmatch(cell)):
        return cell
    return f"'{cell}"


def _float(cell: str) -> float | None:
    try:
        return float(cell.strip().replace(",", "."))
    except ValueError:
        return None


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFC", name).casefold())
