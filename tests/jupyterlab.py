"""JupyterLab as ``make lab`` starts it, and a real Chromium, for the tests and the benchmarks that use both."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)


class Lab:
    """`make lab` or another goal, running: the URL it printed, and what it has printed so far.

    Args:
        work: the learner's folder.
        goal: of the Makefile.
        more: environment variables.
    """

    def __init__(self, work: Path, goal: str = "lab", **more: str):
        environment = os.environ | {"STABILITYLAB_WORK": str(work), **more}
        environment.pop("DISPLAY", None)
        self.work = work
        self.output = ""
        self._found = threading.Event()
        self._process = subprocess.Popen(
            ["make", goal],
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
            raise AssertionError(f"make {goal} printed no URL:\n{self.output}")
        self.url, port = re.search(r"(http://(?:localhost|127\.0\.0\.1):(\d+)/\S+)", self.output).groups()
        self._wait_until_it_listens(int(port))

    def _read(self):
        for line in self._process.stdout:
            self.output += line
            if re.search(r"http://(?:localhost|127\.0\.0\.1):\d+/\S*token=", line):
                self._found.set()

    def _wait_until_it_listens(self, port):
        """JupyterLab prints its URL a moment before it answers."""
        deadline = time.monotonic() + 60
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("localhost", port), timeout=60):
                return
            time.sleep(0.05)
        self.close()
        raise AssertionError(f"JupyterLab does not answer:\n{self.output}")

    def close(self):
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.wait(timeout=60)


@contextlib.contextmanager
def chromium():
    """A headless Chromium, driven by Playwright; ``CHROMIUM`` must be there."""
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
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=quiet + root)
        yield running
        running.close()
