"""Files that anybody may have made."""

import json
import subprocess
import sys

import nbformat
import pytest

from autograder import reading
from stabilitylab import workspace

LIMITED = """
import resource, sys
from autograder.reading import notebook_of

data = eval(sys.argv[1])
spare = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize() + (200 << 20)
resource.setrlimit(resource.RLIMIT_AS, (spare, spare))
try:
    notebook_of(data)
except ValueError as error:
    print("refused:", str(error)[:60])
"""


def test_a_notebook_is_read():
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell('é "quoted" \\ [{]}, 😀\n' * 3)])
    assert reading.notebook_of(nbformat.writes(made).encode()) == json.loads(nbformat.writes(made))
    assert reading.notebook_of(b"\xef\xbb\xbf" + nbformat.writes(made).encode()) == json.loads(nbformat.writes(made))


def test_every_notebook_of_the_course_is_far_within_the_limits(monkeypatch):
    monkeypatch.setattr(reading, "MOST_VALUES", reading.MOST_VALUES // 20)
    monkeypatch.setattr(reading, "DEEPEST", reading.DEEPEST // 5)
    for path in [*workspace.ROOT.glob("notebooks/*.ipynb"), *workspace.EXERCISES.glob("*/*.ipynb")]:
        assert reading.notebook_of(path.read_bytes())["cells"]


@pytest.mark.parametrize(
    "data", [b"", b"\0" * 99, b"[]", b"null", b'"a', b'{"cells": [', b"{}}", b"\xff{}", b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_what_is_no_notebook_is_an_error_of_one_kind(data):
    with pytest.raises(ValueError):
        reading.notebook_of(data)


def test_depth_and_number_of_values_are_limited(monkeypatch):
    monkeypatch.setattr(reading, "DEEPEST", 3)
    monkeypatch.setattr(reading, "MOST_VALUES", 8)
    assert reading.notebook_of(b'{"a": [[1, 2]], "[[{{": "]"}') == {"a": [[1, 2]], "[[{{": "]"}
    with pytest.raises(ValueError, match="too deep"):
        reading.notebook_of(b'{"a": [[[]]]}')
    with pytest.raises(ValueError, match="too many values"):
        reading.notebook_of(b'{"a": [1, 2, 3, 4, 5, 6]}')


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize(
    "data, refused",
    [
        ("b'{\"cells\": [' + b'{},' * 6_000_000 + b'{}]}'", True),
        ("b'{\"cells\": [\"' + b'a\",\"' * 4_500_000 + b'\"]}'", True),
        ("b'[' * 20_000_000", True),
        ("b'\"\\\\' * 10_000_000", True),
        ("b'{\"a\": \"' + b'a' * 18_000_000 + b'\"}'", False),
    ],
)
def test_the_largest_file_that_is_let_in_takes_little_memory(data, refused):
    done = subprocess.run([sys.executable, "-c", LIMITED, data], cwd=workspace.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("refused") == refused
