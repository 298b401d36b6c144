"""A made-up assignment for the grader's tests, and one real sandbox for all of them."""

import shutil
import sys
from pathlib import Path

import pytest

from tests.autograder import toy as made_up


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The made-up assignment, known to the grader for the time of a test; its folder."""
    made_up.install(tmp_path, monkeypatch)
    yield tmp_path
    made_up.forget()


@pytest.fixture(scope="session", autouse=True)
def quick_gradebooks():
    """A new gradebook asks a program for the version of its tables, for seconds: here it is asked in this process, once."""
    import nbgrader.api
    from alembic.script import ScriptDirectory

    version = ScriptDirectory(str(Path(nbgrader.api.__file__).parent / "alembic")).get_current_head()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbgrader.api, "get_alembic_version", lambda: version)
        yield


@pytest.fixture(scope="session")
def box():
    """A sandbox of the first kind; a worker in it costs a tenth of a second."""
    if sys.platform != "linux" or shutil.which("bwrap") is None:
        pytest.skip("bubblewrap is not installed (apt install bubblewrap)")
    from autograder.sandbox.host import Sandbox

    with Sandbox(kinds=["forked"]) as sandbox:
        yield sandbox
