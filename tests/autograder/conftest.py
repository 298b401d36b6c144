"""A made-up assignment for the grader's tests, and one real sandbox for all of them."""

import shutil
import sys

import pytest

from tests.autograder import toy as made_up


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The made-up assignment, known to the grader for the time of a test; its folder."""
    made_up.install(tmp_path, monkeypatch)
    yield tmp_path
    made_up.forget()


@pytest.fixture(scope="session")
def box():
    """A sandbox of the first kind; a worker in it costs a tenth of a second."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt install bubblewrap)")
    from autograder.sandbox.host import Sandbox

    with Sandbox(kinds=["forked"]) as sandbox:
        yield sandbox
