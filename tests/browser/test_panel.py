"""Lessons run and live panels used by hand, in JupyterLab as `make lab` starts it, in a real Chromium."""

import json
import re
import time

import pytest

from tests.browser.screen import LESSONS, drawn, open_lesson, run_all, screenshot, use_theme, verdict

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("name", [LESSONS[0], *(pytest.param(name, marks=pytest.mark.slow) for name in LESSONS[1:])])
def test_a_lesson_runs_without_an_error(page, lab, name):
    open_lesson(page, lab, name)
    page.get_by_role("menuitem", name="Edit", exact=True).click()
    page.get_by_role("menuitem", name="Clear Outputs of All Cells", exact=True).click()
    run_all(page)
    # a notebook draws only the cells one can see, so what has run is read from the file that it saves
    assert outcome(page, lab, name) == []
    # to the end: what the last cell shows
    page.keyboard.press("Control+End")
    page.locator(".jp-Notebook .jp-Cell").last.scroll_into_view_if_needed()
    assert page.locator(".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']").count() == 0
    screenshot(page, f"{name}-end")


def outcome(page, lab, name):
    """Saves the notebook until every cell has run; what is wrong with it then: cells that never ran, and errors. The file is as
    before afterwards, for the next test."""
    file = next(lab.work.rglob(f"{name}.ipynb"))
    before = file.read_bytes()
    deadline = time.monotonic() + 300
    try:
        while True:
            with page.expect_response(lambda r: f"{name}.ipynb" in r.url and r.request.method == "PUT"):
                page.keyboard.press("Control+s")
            cells = [cell for cell in json.loads(file.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
            waiting = ["".join(cell["source"]) for cell in cells if cell["source"] and not cell["execution_count"]]
            failed = [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
            if failed or not waiting or time.monotonic() > deadline:
                return failed + waiting
            page.wait_for_timeout(1000)
    finally:
        file.write_bytes(before)


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_the_slider_moves_the_curve_grows_and_stop_stops(page, lab, theme):
    open_lesson(page, lab, "00_start_here")
    use_theme(page, theme)
    run_all(page)
    panel = page.locator(".stability-panel").first
    panel.wait_for()
    verdict(panel).wait_for()
    page.locator(".jp-RenderedImage img").first.wait_for()
    panel.scroll_into_view_if_needed()
    screenshot(page, f"panel-{theme.lower()}-first-run")

    rate, steps = panel.get_by_role("slider").nth(0), panel.get_by_role("slider").nth(3)
    before = panel.locator(".widget-readout").first.text_content()
    rate.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert panel.locator(".widget-readout").first.text_content() != before
    steps.focus()
    page.keyboard.press("End")
    panel.get_by_role("button", name="Pin").click()
    # a machine busy with something else may hold one press up; three slow ones in a row are the panel's fault
    took = [run_and_stop(page, panel, f"panel-{theme.lower()}-running")]
    while took[-1] >= 1.0 and len(took) < 3:
        took.append(run_and_stop(page, panel, f"panel-{theme.lower()}-running"))
    assert took[-1] < 1.0, f"Stop took {took} seconds"
    screenshot(page, f"panel-{theme.lower()}-stopped")


def run_and_stop(page, panel, name):
    """Presses Run, waits until the curve grows, presses Stop: seconds from the press to the verdict."""
    panel.get_by_role("button", name="Run").click()
    verdict(panel, re.compile(r"Step \d+ of")).wait_for()
    early = drawn(panel)
    deadline = time.monotonic() + 30
    while drawn(panel) <= early:
        assert time.monotonic() < deadline, "the curve did not grow"
        page.wait_for_timeout(50)
    screenshot(page, name)
    pressed = time.monotonic()
    panel.get_by_role("button", name="Stop").click()
    verdict(panel, "Stopped after").wait_for()
    return time.monotonic() - pressed


def test_impossible_settings_are_explained_in_a_sentence(page, lab):
    open_lesson(page, lab, "00_start_here")
    run_all(page)
    panel = page.locator(".stability-panel").first
    verdict(panel).wait_for()
    panel.get_by_role("slider").nth(1).focus()
    page.keyboard.press("End")
    panel.get_by_role("button", name="Run").click()
    verdict(panel, "These settings cannot run").wait_for()
    assert "warmup_steps is 400" in panel.get_by_role("status").text_content()
