"""What has been graded, kept on disk: a batch that was killed goes on where it stopped, and gives every student the same
score."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder import bank, expected, keys
from autograder.judge import Mark
from stabilitylab import workspace

SEED_BITS = 256
"""Of a new secret seed: as many as the start of a probe has, so that nobody who learns one can try all seeds."""
_SEED = re.compile(r"[0-9]{1,100}")


@dataclass(frozen=True)
class Entry:
    """One student's result.

    Attributes:
        status: ``"graded"``, ``"unreadable"`` or ``"missing"``.
        marks: grade_id -> mark.
        key: what the marks depend on: the submission, the questions, the references.
        entered: what the gradebook held for this student when the feedback page was written, as a hash; empty if nbgrader has not
            had the marks yet.
        notes: what was done with the submission that its author may not expect, in sentences.
    """

    status: str
    marks: Mapping[str, Mark]
    key: str
    entered: str = ""
    notes: tuple[str, ...] = ()


class Journal:
    """The entries of one assignment, one file a student, and the secret seed they were judged on.

    Args:
        folder: where they are kept. It tells the questions' data: never hand it out.
        assignment: such as ``"a1_clipping"``.
    """

    def __init__(self, folder: Path, assignment: str):
        self.folder = folder
        self._sources = _fingerprint(assignment)

    @property
    def seed(self) -> int:
        """The secret seed of this assignment's probes in this course; drawn once.

        Raises:
            RuntimeError: if it cannot be read and marks were given on it, or its folder takes no files.
        """
        path = self.folder / "seed"
        try:
            text = path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            text = ""
        except (OSError, ValueError):
            text = "unreadable"
        if _SEED.fullmatch(text):
            return int(text)
        # marks that were judged on another seed are not silently replaced: a copy of the old one may exist
        if path.exists() and any(self.folder.glob("*.json")):
            raise RuntimeError(
                f"{path} is damaged: it should hold the secret number on which the students beside it were judged. Put it back "
                "from a copy; without one, delete it: a new one is drawn then and everybody is judged again, and points given "
                "by hand stay"
            )
        workspace.write_atomically(path, str(secrets.randbits(SEED_BITS)), mode=0o600)
        return self.seed

    def key(self, source: str) -> str:
        """What the marks of a submission depend on."""
        return hashlib.sha256(f"{self._sources}{self.seed}{source}".encode()).hexdigest()

    def read(self, student: str) -> Entry | None:
        """A student's entry, None if there is none or it cannot be read."""
        try:
            data: dict[str, Any] = json.loads((self.folder / f"{student}.json").read_text(encoding="utf-8"))
            marks = {grade_id: Mark(m["share"], tuple(m["feedback"])) for grade_id, m in data["marks"].items()}
            return Entry(data["status"], marks, data["key"], data["entered"], tuple(data["notes"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, student: str, entry: Entry) -> None:
        """Keeps an entry."""
        marks = {grade_id: {"share": mark.share, "feedback": list(mark.feedback)} for grade_id, mark in entry.marks.items()}
        data = {"status": entry.status, "key": entry.key, "entered": entry.entered, "notes": entry.notes, "marks": marks}
        workspace.write_atomically(self.folder / f"{student}.json", json.dumps(data, indent=1) + "\n")


def _fingerprint(assignment: str) -> str:
    """A hash of everything of ours that decides marks."""
    questions = workspace.ROOT / "stabilitylab" / "exercises"
    files = [
        *questions.glob("*.py"),
        *expected.REFERENCES.glob(f"{assignment}.py"),
        Path(keys.__path__[0]) / f"{assignment}.py",
        *(bank.FOLDER / assignment).rglob("*.py"),
    ]
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(file.read_bytes())
    return digest.hexdigest()
