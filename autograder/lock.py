"""One grader at a time in a folder: two would write the same gradebook, and the same pages, at once."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import filelock

from stabilitylab import workspace

LOCK, HOLDER = ".grading.lock", ".grading.json"


@contextlib.contextmanager
def held(workdir: Path) -> Iterator[None]:
    """Holds a folder for this process. The system lets go of it when the process ends, however it ends.

    Args:
        workdir: a folder that exists.

    Raises:
        RuntimeError: at once, if another process holds it; says which.
        NotWritable: if the folder takes no files.
    """
    workspace.make_folder(workdir)
    lock = filelock.FileLock(workdir / LOCK, blocking=False)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise RuntimeError(f"{workdir} is in use by another grader{_holder(workdir)}; wait until it ends, or stop it") from None
    try:
        about = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{datetime.now():%Y-%m-%d %H:%M:%S}"}
        workspace.write_atomically(workdir / HOLDER, json.dumps(about) + "\n")
        yield
    finally:
        lock.release()


def _holder(workdir: Path) -> str:
    try:
        about = json.loads((workdir / HOLDER).read_text(encoding="utf-8"))
        return f" (process {about['pid']} on {about['host']}, since {about['since']})"
    except (OSError, ValueError, KeyError, TypeError):  # it is just about to say so
        return ""
