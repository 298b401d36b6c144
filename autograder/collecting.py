"""From what a learning platform gives to STUDENT/NAME/NAME.ipynb, which ``autograder grade`` reads.

Two readings of what was given: the first finds every file that may be somebody's submission, and whose; then one is chosen for
each student, the roster is written, and the second reading copies what was chosen. A file is known by the assignment's questions
in it, or by its name. Of several files of one student one is chosen only by a rule that is printed with it; else none is.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from autograder import archives, lock, submissions
from autograder.archives import Member, Refused, printable
from autograder.roster import Author, Roster
from autograder.submissions import Cell
from stabilitylab import workspace

# Moodle: a folder `NAME_NUMBER_assignsubmission_file_`, or a file whose name begins so; a group without a number
_MOODLE = re.compile(r"(?P<name>.+?)(?:_(?P<id>\d+))?_assignsubmission_[a-z]+(?:_(?P<file>.*))?")
# Canvas: `lastfirst_LATE_USER_UPLOAD_file`, or without names `anon_ID_UPLOAD_file`
_CANVAS = re.compile(r"(?P<name>[^\W\d_].*?)(?P<late>_LATE)?_(?P<id>\d+)_(?P<upload>\d+)_(?P<file>.+)", re.IGNORECASE)
_CANVAS_BLIND = re.compile(r"(?P<late>LATE_)?(?P<name>anon_(?P<id>[^\W_]+))_(?P<upload>\d+)_(?P<file>.+)")

_MAYBE_NOTEBOOK = re.compile(r"\.ipynb|\.(?:json|txt)$|^[^.]+$", re.IGNORECASE)
# what systems put before and behind a name when they copy, download twice, or think they know its kind
_BEFORE = re.compile(r"^(?:(?:copy|kopie|copie|copia)(?: \(?\d+\)?)? (?:of|von|de) )+", re.IGNORECASE)
_BEHIND = re.compile(
    r"(?:\.(?:ipynb|txt|json|download|zip|html?|pdf|py|docx?)|[ _]*\(\d+\)"
    r"|[ _]*-?[ _]*(?:copy|kopie|copie|copia) ?\d*|-new-version)$",
    re.IGNORECASE,
)
_TRY = re.compile(r"-(\d+)$")  # Canvas counts the uploads of one name
_OTHER_ARCHIVE = re.compile(r"\.(?:rar|7z|tar|t?gz|tbz2?|bz2|xz|zst)$", re.IGNORECASE)
_COURSE_FOLDERS = {"work", "exercises", "notebooks", "submissions", "submitted", "stabilitylab"}
_NO_DATE = datetime(1980, 1, 1).timestamp()  # of a collected file whose date nobody noted: any other is newer
_DATES_DIFFER = 2.0  # seconds: a zip counts in twos


@dataclass(frozen=True)
class _Candidate:
    """A file that may be somebody's submission.

    Attributes:
        place: its number among the files that were given.
        file: its name, without what the platform put before it.
        author: None while only its place can tell.
        upload: Canvas' number of the upload, which grows with time; -1 elsewhere.
        digest: of its bytes.
        answers: a digest of its cells: equal in two files that differ in outputs only.
        blank: whether it holds nothing that the release does not.
        note: what there is to say of it.
        useless: why it cannot be one though it is called so; empty if it can.
    """

    member: Member
    place: int
    file: str
    author: Author | None
    upload: int
    digest: str
    answers: str
    blank: bool
    note: str
    useless: str = ""


def assignments() -> tuple[str, ...]:
    """The released assignments, by name."""
    return tuple(sorted(path.stem for path in workspace.EXERCISES.glob("*/*.ipynb") if path.stem == path.parent.name))


def collect(name: str, source: Path, into: Path, *, take: Collection[str] = (), say: Callable[[str], None] = print) -> bool:
    """Copies every student's submission of one assignment to ``into/STUDENT/NAME/NAME.ipynb``, and keeps ``into/roster.csv``.

    Args:
        name: the assignment.
        source: a folder, a zip file, or a notebook, as a platform or a person packed it.
        into: made if it does not exist.
        take: files to take where a student has several, as this function names them.
        say: told of each file whether it is taken, and why not.

    Returns:
        Whether nothing is left that a person must decide.

    Raises:
        ValueError: if there is no such assignment, source, or file to take, or the roster cannot be read.
        OSError: if something cannot be written; what was said to be taken is.
    """
    if name not in assignments():
        raise ValueError(f"ASSIGNMENT is {name!r}; the assignments are {', '.join(assignments())}")
    inner, outer = into.resolve(), source.resolve()
    if source.is_dir() and (inner.is_relative_to(outer) or outer.is_relative_to(inner)):
        raise ValueError(f"--into is {into} and what is collected is {source}; neither may lie in the other")
    take = {unicodedata.normalize("NFC", path) for path in take}

    def tell(line: str) -> None:
        say(printable(line))  # names in it are anybody's

    reading = _Reading(name, source, tell)
    candidates = reading.candidates()
    unknown = set(take) - {candidate.member.path for candidate in candidates}
    if unknown:
        raise ValueError(f"--take {sorted(unknown)[0]}: no such file may be a submission of {name}; take one as it is printed")
    workspace.make_folder(into)
    with lock.held(into):
        roster = Roster(into)
        chosen = list(reading.choose(candidates, roster, take))
        roster.save()  # first: a file without its student's row could not be told from another's
        _copy(name, source, into, chosen, take, tell)
    return not reading.undecided


class _Reading:
    """The first reading: what may be a submission, and whose."""

    def __init__(self, name: str, source: Path, say: Callable[[str], None]):
        self.name, self.source, self.say = name, source, say
        self.undecided = False
        self._seen: set[Author] = set()
        questions = {other: set(_questions(other)) for other in assignments()}
        self._own = {  # questions that no other assignment has
            other: ids - set().union(*(questions[third] for third in questions if third != other))
            for other, ids in questions.items()
        }
        self._released = {""} | {cell.source.strip() for cell in _cells(_release(name).read_bytes()) or ()}
        self._names = {_letters(other) for other in assignments()}

    def candidates(self) -> list[_Candidate]:
        """Every file that may be a submission and whose author is known; says of each other why it is none."""
        found: list[_Candidate] = []
        for place, member in enumerate(archives.files(self.source)):
            try:
                found.append(self._look(place, member))
            except _Passed as reason:
                self._leave(member, str(reason))
            except Refused as reason:
                self._leave(member, str(reason), undecided=True)
        found = [candidate for candidate in found if candidate.author] + [
            *self._by_place([candidate for candidate in found if candidate.author is None])
        ]
        for candidate in found:
            if candidate.useless:
                self._leave(candidate.member, candidate.useless)
        useful = [candidate for candidate in found if not candidate.useless]
        seen = self._seen | {candidate.author for candidate in found if candidate.author}
        self._name_the_empty_handed(seen - {candidate.author for candidate in useful})
        if not (useful or self.undecided):
            self.undecided = True
            self.say(f"{self.source} holds no submission of {self.name} that can be taken")
        return useful

    def _leave(self, member: Member, reason: str, undecided: bool = False) -> None:
        self.undecided = self.undecided or undecided
        self.say(f"not taken  {member.path}: {reason}")

    def _name_the_empty_handed(self, authors: set[Author]) -> None:
        """Says who handed in something of which nothing can be a submission."""
        for author in sorted(authors, key=lambda author: author.id):
            self.undecided = True
            known = author.name if author.platform == "folder" else f"{author.name} ({author.platform} {author.id})"
            self.say(f"nothing of  {known} can be taken; ask for {self.name}.ipynb")

    def _look(self, place: int, member: Member) -> _Candidate:
        """Raises _Passed or Refused for what is no candidate."""
        if _is_rubbish(member.parts):
            raise _Passed("a system's or an editor's own file")
        author, upload, file, note = _author(member.parts, self.name)
        if author:
            self._seen.add(author)
        if member.refused:
            raise Refused(member.refused)
        if _OTHER_ARCHIVE.search(file):
            raise Refused("an archive of this kind is not opened; unpack it")
        named = _letters(self.name) in _letters(_core(file))
        useless = _Candidate(member, place, file, author, upload, "", "", False, "", "it is no notebook")
        if not _MAYBE_NOTEBOOK.search(file):
            if named:
                return useless
            raise _Passed("it is no notebook")
        content = member.read()
        cells = _cells(content)
        held = self._held(cells or ())
        if held not in (self.name, ""):
            raise _Passed(f"it is {held}")
        if cells is None and named and not file.lower().endswith(".ipynb"):
            return useless
        if cells is None and not named:
            raise _Passed("it is no notebook")
        if not (held or named):
            raise _Passed(f"neither its name nor a question in it is of {self.name}")
        if cells is None:
            note += "; it cannot be read as a notebook, which the grader will say"
        blank = cells is not None and all(cell.source.strip() in self._released for cell in cells)
        digest = hashlib.sha256(content).hexdigest()
        answers = digest if cells is None else hashlib.sha256(repr(cells).encode()).hexdigest()
        return _Candidate(member, place, file, author, upload, digest, answers, blank, note)

    def _held(self, cells: Iterable[Cell]) -> str:
        """The assignment most of whose questions are among the cells; empty if none is."""
        ids = {cell.grade_id for cell in cells}
        count = {name: len(own & ids) for name, own in self._own.items()}
        most = max(count.values())
        best = [name for name in count if count[name] == most]
        return "" if most == 0 else self.name if self.name in best else best[0]

    def _by_place(self, candidates: list[_Candidate]) -> Iterator[_Candidate]:
        """Candidates that no platform named: a folder above them, or else their own name, is a student's."""
        folders = [list(candidate.member.parts[:-1]) for candidate in candidates]
        while folders and all(folders) and len({folder[0] for folder in folders}) == 1:
            below = {folder[1] for folder in folders if len(folder) > 1 and not self._is_of_the_course(folder[1])}
            top = folders[0][0]
            if below and not self._is_of_the_course(top) and len(below) == 1 and _letters(top) != _letters(self.source.stem):
                for candidate in candidates:
                    reason = f"{top} or {below.copy().pop()} may be the student; give the folder that holds the students' folders"
                    self._leave(candidate.member, reason, undecided=True)
                return
            if not (below or self._is_of_the_course(top)):
                break
            for folder in folders:
                folder.pop(0)
        for candidate, folder in zip(candidates, folders):
            names = (part for part in folder if not self._is_of_the_course(part))
            student = next(names, candidate.file)
            if student == candidate.file or student.lower().endswith(".zip"):
                student = self._without_assignment(student)
            if student:
                yield replace(candidate, author=Author("folder", student, student))
            else:
                self._leave(
                    candidate.member, "nothing says whose it is; put it into a folder named after its author", undecided=True
                )

    def _is_of_the_course(self, folder: str) -> bool:
        return folder.casefold() in _COURSE_FOLDERS or _letters(_core(folder)) in self._names

    def _without_assignment(self, file: str) -> str:
        """What a file's name says beside the assignment: ``"ada_a1_clipping (1).ipynb"`` says ``"ada"``."""
        pattern = r"[\W_]*".join(map(re.escape, self.name.split("_")))
        rest = re.sub(pattern, " ", _core(file), flags=re.IGNORECASE).strip(" _-.,")
        return "" if re.fullmatch(r"untitled\d*|\d*", rest, re.IGNORECASE) else rest

    def choose(self, candidates: list[_Candidate], roster: Roster, take: Collection[str]) -> Iterator[tuple[str, _Candidate]]:
        """One candidate for each student, if a rule or ``take`` says which; says of each other why it is not taken."""
        students = roster.enrol(dict.fromkeys(candidate.author for candidate in candidates if candidate.author))
        groups: dict[str, list[_Candidate]] = defaultdict(list)
        for candidate in candidates:
            assert candidate.author is not None
            student = students.get(candidate.author)
            if student is None:
                name, number = candidate.author.name, candidate.author.id
                reason = f"several students are called {name}; say in roster.csv which of them is number {number} in {self.name}"
                self._leave(candidate.member, reason, undecided=True)
            else:
                groups[student].append(candidate)
        for student, group in sorted(groups.items()):
            told = [candidate for candidate in group if candidate.member.path in take]
            if len(told) == 1:
                left, rest = told, [(candidate, "another was to be taken") for candidate in group if candidate is not told[0]]
            else:
                left, rest = _narrowed(group)
            for candidate, reason in rest:
                self._leave(candidate.member, reason)
            if len(left) == 1:
                yield student, left[0]
                continue
            for candidate in left:
                others = " and ".join(other.member.path for other in left if other is not candidate)
                self._leave(candidate.member, f"{student} handed in {others} too; choose one with --take", undecided=True)


class _Passed(Exception):
    """A file that is no candidate, and need not be one; the message says why."""


def _narrowed(group: list[_Candidate]) -> tuple[list[_Candidate], list[tuple[_Candidate, str]]]:
    """What is left of one student's candidates after the rules, and what each other one was passed over for."""
    left, passed = list(group), []
    # the same answers twice are one submission
    for candidate in sorted(group, key=lambda candidate: (candidate.member.date or 0.0, -candidate.place)):
        same = [other for other in left if other is not candidate and other.answers == candidate.answers]
        if same:
            left.remove(candidate)
            passed.append((candidate, f"the same answers are in {same[-1].member.path}"))
    # a copy in which nothing was written, beside one in which something was
    written = [candidate for candidate in left if not candidate.blank]
    if written:
        passed += [
            (candidate, f"nothing is filled in, unlike in {written[0].member.path}") for candidate in left if candidate.blank
        ]
        left = written
    # Canvas counts what is uploaded again under the same name; both its numbers must agree which is the last
    by_upload = sorted(left, key=lambda candidate: candidate.upload)
    tries = [_try(candidate.file) for candidate in by_upload]
    same_name = {_TRY.sub("", _core(candidate.file)) for candidate in left}
    if len(left) > 1 and len(same_name) == 1 and left[0].upload >= 0 and tries == sorted(set(tries)):
        last = by_upload.pop()
        passed += [(candidate, f"it was handed in again as {last.member.path}") for candidate in by_upload]
        left = [last]
    return left, passed


def _copy(
    name: str,
    source: Path,
    into: Path,
    chosen: Sequence[tuple[str, _Candidate]],
    take: Collection[str],
    say: Callable[[str], None],
) -> None:
    """The second reading."""
    wanted = {candidate.place: (student, candidate) for student, candidate in chosen}
    for place, member in enumerate(archives.files(source)):
        if place not in wanted:
            continue
        student, candidate = wanted[place]
        content = b"" if member.refused else member.read()
        if hashlib.sha256(content).hexdigest() != candidate.digest:
            break
        del wanted[place]
        verdict, reason = _put(into, student, name, content, member.date, member.path in take)
        say(f"{verdict:<9}  {member.path} -> {student}{reason}{candidate.note}")
    if wanted:
        raise RuntimeError(f"{source} changed while it was read; collect it again")


def _put(into: Path, student: str, name: str, content: bytes, date: float | None, told: bool) -> tuple[str, str]:
    """Puts a file where the grader reads it, unless a newer one is there. Returns what became of it, and what to say of it."""
    folder, reason = into / student / name, ""
    if folder.is_symlink() or folder.parent.is_symlink():
        return "not taken", ": that folder is a link, or holds one; remove it"
    target = folder / f"{name}.ipynb"
    if target.is_file() and not target.is_symlink():
        if target.read_bytes() == content:
            return "there", ": it was collected before"
        before = target.stat().st_mtime
        if date is not None and date + _DATES_DIFFER < before and not told:
            return "not taken", f": a newer one is there, of {_day(before)}, this is of {_day(date)}; take it with --take"
        reason = ": replaces the one that was collected before"
        if date is not None and before > _NO_DATE:
            reason += f", of {_day(before)}, by one of {_day(date)}"
    workspace.write_atomically(target, content)
    date = _NO_DATE if date is None else date
    os.utime(target, (date, date))
    return "taken", reason


def _day(date: float) -> str:
    return f"{datetime.fromtimestamp(date):%Y-%m-%d %H:%M:%S}"


def _author(parts: Sequence[str], assignment: str) -> tuple[Author | None, int, str, str]:
    """(whose a file is as a platform's names say, Canvas' number of the upload, the file's own name, a note)."""
    for depth, part in enumerate(parts):
        is_file = depth == len(parts) - 1
        found = _MOODLE.fullmatch(part)
        if found:
            author = Author("moodle", found["id"] or found["name"], found["name"], assignment)
            return author, -1, found["file"] or parts[-1] if is_file else parts[-1], ""
        found = _CANVAS_BLIND.fullmatch(part) or _CANVAS.fullmatch(part)
        if found and (is_file or part.lower().endswith(".zip")):
            blind = found.re is _CANVAS_BLIND
            author = Author("canvas", found["id"], found["name"], assignment if blind else "")
            return author, int(found["upload"]), found["file"] if is_file else parts[-1], "; late" if found["late"] else ""
    return None, -1, parts[-1], ""


def _is_rubbish(parts: Sequence[str]) -> bool:
    return (
        not {"__MACOSX", ".ipynb_checkpoints", "__pycache__"}.isdisjoint(parts)
        or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini")
        or parts[-1].startswith("._")
    )


def _core(file: str) -> str:
    """A file's name without endings, and without what copying or downloading twice added."""
    before = None
    while before != file:
        before, file = file, _BEHIND.sub("", file)
    return _BEFORE.sub("", file)


def _try(file: str) -> int:
    found = _TRY.search(_core(file))
    return int(found[1]) if found else 0


def _letters(name: str) -> str:
    return re.sub(r"[\W_]+", "", name.casefold())


def _release(name: str) -> Path:
    return workspace.EXERCISES / name / f"{name}.ipynb"


def _questions(name: str) -> Iterator[str]:
    """The grade_ids of the cells that learners fill in."""
    for cell in json.loads(_release(name).read_bytes())["cells"]:
        nbgrader = cell["metadata"].get("nbgrader", {})
        if nbgrader.get("solution"):
            yield nbgrader["grade_id"]


def _cells(content: bytes) -> list[Cell] | None:
    """The cells of a file, None if it is no notebook."""
    try:
        return list(submissions.cells_of(json.loads(content)))
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None
