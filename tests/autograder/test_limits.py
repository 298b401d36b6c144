"""What a submission may use: numbers that agree with the teaching guide. That they are kept to is in test_zygote.py."""

import dataclasses
import math

import pytest

from autograder.sandbox import limits
from autograder.sandbox.limits import PATIENT, STANDARD, Limits
from stabilitylab import workspace

MB, GB = 1 << 20, 1 << 30


def test_the_teaching_guide_states_the_limits():
    guide = (workspace.ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    answers = f"{limits.LARGEST_ANSWER // MB} MiB, {STANDARD.answers // MB} MiB"
    for row in (
        f"| one cell, before it is interrupted | {STANDARD.cell:g} s |",
        f"| running all cells | {STANDARD.load:g} s; then {STANDARD.least:g} s for each that is left, and after "
        f"{1.5 * STANDARD.load:g} s only",
        f"| one check | {STANDARD.ask:g} s |",
        f"| all of it, from start to end of one process | {STANDARD.total:g} s,",
        f"| memory, beyond PyTorch's own | {limits.MEMORY // GB} GiB,",
        f"| processes, threads | {limits.PROCESSES}, {limits.THREADS} |",
        f"| a file, and each private folder | {limits.RESOURCES['FSIZE'] // MB} MiB, {limits.FOLDER_BYTES // MB} MiB and "
        f"{limits.FOLDER_FILES} files |",
        f"| one answer, all answers of a process | {answers} |",
    ):
        assert row in guide, row


def test_the_standard_limits_of_a_submission():
    assert Limits() == STANDARD
    assert Limits(load=60.0, cell=20.0, least=3.0, grace=5.0, ask=20.0, total=180.0, answers=4 * MB) == STANDARD


def test_our_own_answers_have_time_but_do_not_hang_for_ever():
    assert PATIENT.load == PATIENT.cell == PATIENT.ask == 600 and PATIENT.total == math.inf and PATIENT.answers == GB


def test_limits_cannot_be_changed_by_whoever_holds_them():
    with pytest.raises(dataclasses.FrozenInstanceError):
        STANDARD.total = 1e9


def test_what_all_processes_of_a_submission_may_use_together():
    assert limits.MEMORY == 2 * GB
    assert (limits.PROCESSES, limits.THREADS) == (8, 128)
    assert limits.LARGEST_ANSWER == MB


def test_what_one_process_may_use():
    assert limits.RESOURCES == {"CPU": 600, "FSIZE": 16 * MB, "NOFILE": 64, "NPROC": 128, "CORE": 0}


def test_every_folder_in_memory_holds_as_much_in_both_kinds_of_sandbox():
    assert limits.FOLDER_BYTES == 64 * MB
    sizes = set(limits.PRIVATE_FOLDERS.values())
    assert sizes == {"64m", "4k"} and {f for f, size in limits.PRIVATE_FOLDERS.items() if size == "4k"} == {"/proc", "/run"}


def test_a_folder_holds_a_limited_number_of_names():
    assert limits.FOLDER_FILES == 4096


def test_a_sandbox_has_two_minutes_to_start_and_is_looked_at_often():
    assert limits.START_SECONDS == 120 and 0 < limits.KEEPER_TICK <= 0.1
