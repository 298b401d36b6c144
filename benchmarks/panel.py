"""The live panel: what it adds to a run in a kernel, and what a person sees of it in Chromium."""

from __future__ import annotations

import json
import re
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from stabilitylab import workspace
from tests.browser.screen import open_lesson, run_all, verdict
from tests.jupyterlab import CHROMIUM, Lab, chromium

IN_A_KERNEL = """
import json, time
from stabilitylab import RunConfig, live, plots, train

config = RunConfig(steps=200)
train(config)
with_panel, alone, picture = [], [], []
for _ in range(5):
    panel = live.panel(config)
    with_panel.append(panel.run.records[-1].seconds)
    alone.append(train(config).records[-1].seconds)
    start = time.perf_counter()
    plots.panels({"this run": [panel.run]}).png()
    picture.append(time.perf_counter() - start)
print("figures", json.dumps([with_panel, alone, picture]))
"""
STOPS = 5
COUNT_REDRAWS = """() => {
    window.redraws = 0;
    let last = null;
    new MutationObserver(() => {
        const drawn = document.querySelectorAll('.stability-panel .bqplot')[0].querySelectorAll('path.line');
        const now = Array.from(drawn).map(path => path.getAttribute('d')).join();
        if (now !== last) { last = now; window.redraws += 1; }
    }).observe(document.querySelector('.stability-panel .bqplot'), {subtree: true, attributes: true, attributeFilter: ['d']});
}"""


def measure() -> dict[str, Any]:
    """The panel's share of a run's time and the seconds of the picture under it; with a browser also redraws a second and seconds
    from a press on Stop to the verdict."""
    return _in_a_kernel() | (_in_a_browser() if CHROMIUM else {})


def _in_a_kernel() -> dict[str, float]:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(IN_A_KERNEL)])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(workspace.ROOT)}}).execute()
    printed = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    with_panel, alone, picture = json.loads(printed.split("figures", 1)[1])
    share = statistics.median(1 - b / a for a, b in zip(with_panel, alone))
    return {"share": share, "picture_s": statistics.median(picture)}


def _in_a_browser() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as work, chromium() as browser:
        lab = Lab(Path(work))
        try:
            page = browser.new_page(viewport={"width": 1400, "height": 1000})
            page.set_default_timeout(60_000)
            open_lesson(page, lab, "00_start_here")
            run_all(page)
            panel = page.locator(".stability-panel").first
            verdict(panel).wait_for()
            panel.scroll_into_view_if_needed()
            steps = panel.get_by_role("slider").nth(3)
            steps.focus()
            page.keyboard.press("End")
            page.evaluate(COUNT_REDRAWS)
            panel.get_by_role("button", name="Run").click()
            verdict(panel, re.compile(r"Step \d+ of")).wait_for()
            done = verdict(panel, "Done after")
            done.wait_for()
            seconds = float(re.search(r"steps in ([\d.]+) s", done.text_content()).group(1))
            redraws = page.evaluate("window.redraws")
            stops = [_stop(page, panel) for _ in range(STOPS)]
        finally:
            lab.close()
    return {"redraws_a_second": redraws / seconds, "stop_s": statistics.median(stops), "slowest_stop_s": max(stops)}


def _stop(page: Any, panel: Any) -> float:
    panel.get_by_role("button", name="Run").click()
    verdict(panel, re.compile(r"Step \d+ of")).wait_for()
    page.wait_for_timeout(300)
    start = time.perf_counter()
    panel.get_by_role("button", name="Stop").click()
    verdict(panel, "Stopped after").wait_for()
    return time.perf_counter() - start
