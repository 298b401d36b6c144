"""Two graders and one folder."""

import os
import re
import socket
import subprocess
import sys

import pytest

from autograder import lock
from stabilitylab import workspace

HOLDS = """
import sys
from pathlib import Path
from autograder import lock

with lock.held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path):
    """Another process, which holds the folder."""
    command = [sys.executable, "-c", HOLDS, str(tmp_path)]
    with subprocess.Popen(command, cwd=workspace.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_the_second_is_told_who_holds_the_folder(tmp_path, other):
    with pytest.raises(RuntimeError) as refusal, lock.held(tmp_path):
        pytest.fail("two at once")
    sentence = (
        rf"{tmp_path} is in use by another grader \(process {other.pid} on {re.escape(socket.gethostname())}, since 20.*\); wait"
    )
    assert re.match(sentence, str(refusal.value)) and "\n" not in str(refusal.value)


def test_a_grader_that_was_killed_holds_nothing(tmp_path, other):
    other.kill()
    other.wait()
    with lock.held(tmp_path):
        assert f'"pid": {os.getpid()}' in (tmp_path / lock.HOLDER).read_text()


@pytest.mark.parametrize("content", ["", "[]", "7", '{"pid": 1}'])
def test_a_holder_that_has_not_said_yet_who_it_is_holds_all_the_same(tmp_path, other, content):
    (tmp_path / lock.HOLDER).write_text(content)
    with pytest.raises(RuntimeError, match="is in use by another grader; wait"), lock.held(tmp_path):
        pytest.fail("two at once")


def test_a_folder_is_free_again_after_a_batch_that_failed(tmp_path):
    with pytest.raises(ZeroDivisionError), lock.held(tmp_path):
        1 / 0  # noqa: B018
    with lock.held(tmp_path):
        pass


def test_a_folder_that_takes_no_files_cannot_be_held(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(workspace.NotWritable, match="file/grading cannot be written to"),
        lock.held(tmp_path / "file" / "grading"),
    ):
        pytest.fail("held")
