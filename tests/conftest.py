"""Shared fixtures: a private work folder, and a real JupyterLab in a real Chromium."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


@pytest.fixture(autouse=True)
def work_folder(tmp_path, monkeypatch):
    """A learner's files of this test go to a folder of its own."""
    from stabilitylab import workspace

    monkeypatch.setattr(workspace, "WORK", tmp_path / "work")
    return tmp_path / "work"


class Lab:
    """`make lab`, running: the URL it printed, and what it has printed so far."""

    def __init__(self, settings: Path, work: Path, **more: str):
        environment = os.environ | {
            "JUPYTERLAB_SETTINGS_DIR": str(settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(settings / "workspaces"),
            "STABILITYLAB_WORK": str(work),
            **more,
        }
        environment.pop("DISPLAY", None)
        self.output = ""
        self._found = threading.Event()
        self._process = subprocess.Popen(
            ["make", "lab"],
            cwd=ROOT,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        if not self._found.wait(timeout=300):
            self.close()
            raise AssertionError(f"make lab printed no URL:\n{self.output}")
        self.url = re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S+", self.output).group()

    def _read(self):
        for line in self._process.stdout:
            self.output += line
            if re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S*token=", line):
                self._found.set()

    def close(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=60)


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """JupyterLab as `make lab` starts it; nothing is saved, so that the notebooks in the checkout stay as they are."""
    settings = tmp_path_factory.mktemp("settings")
    manager = settings / "@jupyterlab" / "docmanager-extension"
    manager.mkdir(parents=True)
    (manager / "plugin.jupyterlab-settings").write_text(json.dumps({"autosave": False}))
    running = Lab(settings, tmp_path_factory.mktemp("work"))
    yield running
    running.close()


@pytest.fixture(scope="session")
def browser():
    """A real Chromium; required where STABILITYLAB_REQUIRE_BROWSER is set, as in .ci/run."""
    if CHROMIUM is None:
        if os.environ.get("STABILITYLAB_REQUIRE_BROWSER"):
            pytest.fail("no Chromium was found, and STABILITYLAB_REQUIRE_BROWSER is set")
        pytest.skip("no Chromium was found (apt install chromium)")
    from playwright.sync_api import sync_playwright

    quiet = [
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    ]
    root = ["--no-sandbox"] if sys.platform == "linux" and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet + root)
        yield chromium
        chromium.close()
