"""Shared fixtures: a private work folder, and a real JupyterLab in a real Chromium.

A learner may run the tests: whatever is in their ``work/`` must be the same afterwards, or the tests count as failed.
"""

import json
import os
import tempfile
from pathlib import Path

import pytest

from tests.jupyterlab import CHROMIUM, ROOT, Lab, chromium

LEARNERS_OWN = Path(os.environ.get("STABILITYLAB_TESTED_WORK") or os.environ.get("STABILITYLAB_WORK") or ROOT / "work")
# before anything of the course is imported, and for every process that a test starts; processes of one session share the folder
os.environ["STABILITYLAB_TESTED_WORK"] = str(LEARNERS_OWN)
for name in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL"):  # `make test` leaves them to us; a test starts make as a person does
    os.environ.pop(name, None)
_PRIVATE = tempfile.TemporaryDirectory(prefix="stabilitylab-tests-")
os.environ["STABILITYLAB_WORK"] = _PRIVATE.name


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of the last change of every file below a folder; open notebooks' own files (``.jupyter``) do not count."""
    files = (path for path in folder.rglob("*") if ".jupyter" not in path.parts and path.is_file())
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in files}


class Guard:
    """Fails a session of tests that changed a learner's own files."""

    def __init__(self, folder: Path):
        self.folder, self.before, self.changed = folder, state(folder), []

    def pytest_sessionfinish(self, session):
        after = state(self.folder)
        self.changed = sorted(name for name in self.before | after if self.before.get(name) != after.get(name))
        if self.changed:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.changed:
            terminalreporter.section("the tests changed files of the learner", red=True)
            terminalreporter.write_line("\n".join(self.changed))


def pytest_configure(config):
    if not hasattr(config, "workerinput"):  # of several processes, the one that starts the others
        config.pluginmanager.register(Guard(LEARNERS_OWN), "guard of the learner's files")


@pytest.fixture(autouse=True)
def work_folder(tmp_path, monkeypatch):
    """A learner's files of this test, and of the processes it starts, go to a folder of its own."""
    from stabilitylab import workspace

    monkeypatch.setattr(workspace, "WORK", tmp_path / "work")
    monkeypatch.setenv("STABILITYLAB_WORK", str(tmp_path / "work"))
    return tmp_path / "work"


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as `make lab` starts it; nothing is saved unless a test saves, so that one test does not see another's cells."""
    settings = tmp_path_factory.mktemp("settings")
    manager = settings / "@jupyterlab" / "docmanager-extension"
    manager.mkdir(parents=True)
    (manager / "plugin.jupyterlab-settings").write_text(json.dumps({"autosave": False}))
    running = Lab(tmp_path_factory.mktemp("work"), JUPYTERLAB_SETTINGS_DIR=str(settings))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser():
    """A real Chromium; required where STABILITYLAB_REQUIRE_BROWSER is set, as in .ci/run."""
    if CHROMIUM is None:
        if os.environ.get("STABILITYLAB_REQUIRE_BROWSER"):
            pytest.fail("no Chromium was found, and STABILITYLAB_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium was found (apt install chromium)")
    with chromium() as running:
        yield running
