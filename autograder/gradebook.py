"""The gradebook's file: made whole or not at all, looked at before the work, opened once for all of nbgrader's steps, and what
its troubles mean."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import nbgrader.api
import sqlalchemy.exc
from nbgrader.api import Base, Gradebook
from nbgrader.converters import autograde
from nbgrader.preprocessors import getgrades, latesubmissions, saveautogrades
from sqlalchemy.orm import scoped_session, sessionmaker

NAME = "gradebook.db"
COURSE_ID = "stabilitylab"
WAIT_SECONDS = 5.0
"""For another program that has locked the gradebook."""


class Trouble(RuntimeError):
    """The gradebook cannot be used; says why, and what would do."""


def path_of(url: str) -> Path:
    """The file of an address such as ``"sqlite:////home/ada/gradebook.db"``."""
    return Path(url.removeprefix("sqlite:///"))


def create(path: Path) -> None:
    """Makes an empty gradebook, unless there is one. nbgrader would start a program to learn the version of its own tables."""
    if path.exists():
        return
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".gradebook-") as folder:
        new = Path(folder) / path.name
        engine = sqlalchemy.create_engine(f"sqlite:///{new}")
        with engine.begin() as connection:
            scripts = ScriptDirectory(str(Path(nbgrader.api.__file__).parent / "alembic"))
            MigrationContext.configure(connection).stamp(scripts, "head")
        engine.dispose()
        Gradebook(f"sqlite:///{new}", COURSE_ID).close()
        os.replace(new, path)


def check(path: Path) -> None:
    """Looks whether a gradebook, if there is one, can be used: whole, of this course, writable, and not held by another program.

    Raises:
        Trouble: if it cannot.
    """
    if not path.exists():
        return
    if not path.is_file():
        raise Trouble(f"{path} is not a file; it should be nbgrader's gradebook. Move it away, or choose another --workdir")
    if path.stat().st_size == 0:  # to SQLite a new one: the points that were in it would be lost without a word
        raise Trouble(f"{path} is empty{_DAMAGED}")
    existing = f"file:{quote(str(path))}?mode=rw"
    with explained(path), contextlib.closing(sqlite3.connect(existing, WAIT_SECONDS, uri=True)) as database:
        found = database.execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise Trouble(f"{path} is damaged{_DAMAGED}")
        for table in Base.metadata.sorted_tables:
            missing = {column.name for column in table.columns} - {
                row[1] for row in database.execute(f'PRAGMA table_info("{table.name}")')
            }
            if missing:
                raise Trouble(
                    f"{path} is no gradebook of this version of nbgrader (its table {table.name!r} has no {min(missing)!r}). "
                    "Move it away or choose another --workdir; an older gradebook is brought up to date, after you made a copy "
                    "of it, with: nbgrader db upgrade"
                )
        courses = {row[0] for row in database.execute("SELECT id FROM course")}
        if courses and COURSE_ID not in courses:
            raise Trouble(
                f"{path} is the gradebook of another course ({', '.join(sorted(courses))}); choose another --workdir, or move "
                "that file away"
            )
        database.execute("BEGIN IMMEDIATE")  # waits for another program, as long as SQLite usually does
        database.rollback()


_DAMAGED = (
    ". Put it back from a copy; without one, move it away: the marks are entered again then, but points given by hand are in "
    "this file alone"
)


@contextlib.contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turns errors of the gradebook's database into sentences.

    Raises:
        Trouble: in place of any error of SQLite.
    """
    try:
        yield
    except (sqlalchemy.exc.DBAPIError, sqlite3.Error) as error:
        raise trouble(path, error) from None


def trouble(path: Path, error: BaseException) -> Trouble:
    """What an error of the gradebook's database means, in a sentence."""
    original = getattr(error, "orig", error)
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Trouble(f"{path} is locked by another program, formgrader perhaps; close it there or wait, then do the same again")
    if code == sqlite3.SQLITE_FULL:
        return Trouble(f"{path.parent} is full; make room on that disk, then do the same again")
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return Trouble(f"{path} cannot be written to ({original}); choose a --workdir where you may write")
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return Trouble(f"{path} is damaged ({original}){_DAMAGED}")
    return Trouble(f"{path} could not be used: {original}")


class Shared(Gradebook):
    """One open gradebook for all of nbgrader's steps, of which each would open it anew, and look at all its tables, several
    times for every student.

    Args:
        path: of the file; ``create`` made it.
    """

    def __init__(self, path: Path):
        super().__init__(f"sqlite:///{path}?timeout={WAIT_SECONDS}", COURSE_ID)
        super().close()  # it did no more than enter the course
        self._connection = self.engine.connect()
        # what nbgrader commits, cell by cell, is committed by `at_once` together
        self.db = scoped_session(
            sessionmaker(bind=self._connection, autoflush=True, future=True, join_transaction_mode="rollback_only")
        )

    def close(self) -> None:
        """Does nothing: nbgrader's steps close what they believe to be theirs."""

    def end(self) -> None:
        """Closes the gradebook."""
        self.db.remove()
        self._connection.close()
        self.engine.dispose()

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """For nbgrader's steps: they use this gradebook, which sees what others wrote until now. What they write is written
        together or, if the block raises, not at all."""
        self.db.remove()
        for step in _STEPS:
            step.Gradebook = lambda *arguments, **options: self  # each finds the class under this name
        try:
            with self._connection.begin():
                yield
                self.db.flush()
        finally:
            for step in _STEPS:
                step.Gradebook = Gradebook


_STEPS: tuple[Any, ...] = (autograde, saveautogrades, latesubmissions, getgrades)
