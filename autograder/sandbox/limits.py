"""Every limit on a submission, in one place: seconds on the wall, bytes, and counts.

Imported on both sides of the wall; imports nothing of ours.
"""

from __future__ import annotations

from dataclasses import dataclass

MEMORY = 2 << 30
"""Bytes that a submission may use beyond what PyTorch itself takes, all its processes together."""

PROCESSES = 8
"""Processes of a submission, itself included."""

THREADS = 128
"""Threads of a submission, all its processes together."""

HOME = "/submission"
"""Where a submission runs and may write; no folder that a machine has, or it would hide what lies below it there."""

FOLDER_FILES = 4096
"""Files and folders that each private folder holds: names take memory of the kernel's that nobody counts."""

PRIVATE_FOLDERS = {"/tmp": "64m", HOME: "64m", "/dev/shm": "64m", "/proc": "4k", "/run": "4k"}
"""Folders that every submission has of its own, and how much they hold, as ``mount`` takes it."""

FOLDER_BYTES = 64 << 20
"""Bytes that each folder in memory holds where a submission has a bubblewrap of its own."""

RESOURCES = {"CPU": 600, "FSIZE": 16 << 20, "NOFILE": 64, "NPROC": 128, "CORE": 0}
"""Hard resource limits of each process, by their names in ``setrlimit``: seconds, bytes, descriptors, processes, bytes of a core
file."""

LARGEST_ANSWER = 1 << 20
"""Bytes of one answer."""

START_SECONDS = 120.0
"""How long a sandbox may take to start or to end."""

KEEPER_TICK = 0.05
"""Seconds between two counts of what a submission uses."""


@dataclass(frozen=True)
class Limits:
    """How much one process of a submission may take of ours: time in seconds on the wall, and bytes.

    Attributes:
        load: running all cells of a submission. Once half as much again is used up, those that define nothing that is asked for
            are left out.
        cell: running one of them, before it is interrupted.
        least: for a cell, even if ``load`` is used up.
        grace: from the interruption to the end of the process, for a cell that does not let itself be interrupted.
        ask: answering one probe.
        total: everything it does.
        answers: all its answers together, which grow some twenty times when they are parsed.
    """

    load: float = 60.0
    cell: float = 20.0
    least: float = 3.0
    grace: float = 5.0
    ask: float = 20.0
    total: float = 180.0
    answers: int = 4 << 20


STANDARD = Limits()
"""For a submission."""

PATIENT = Limits(load=600.0, cell=600.0, ask=600.0, total=float("inf"), answers=1 << 30)
"""For our own answers."""
