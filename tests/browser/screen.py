"""What a person does at the screen, for the tests that drive it."""

import os
from pathlib import Path

from stabilitylab.lessons import notebooks

LESSONS = sorted(path.stem for path in notebooks.LESSONS.glob("[0-9]*.py"))
SCREENSHOTS = Path(os.environ["STABILITYLAB_SCREENSHOTS"]) if "STABILITYLAB_SCREENSHOTS" in os.environ else None


def open_lesson(page, lab, name):
    page.goto(lab.url.replace("00_start_here", name) + "&reset")  # no tabs left open by an earlier test
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.locator(".jp-NotebookPanel-toolbar [data-jp-item-name=kernelName]").filter(has_text="Python 3").wait_for()
    # until the prose is drawn, the cells move, and a click lands on another one
    page.locator(".jp-MarkdownCell .jp-RenderedMarkdown h1").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()


def use_theme(page, theme):
    page.keyboard.press("Control+Shift+C")  # the command palette
    page.locator("#modal-command-palette input").fill(f"Use Theme: JupyterLab {theme}")
    page.locator("#modal-command-palette .lm-CommandPalette-item").filter(has_text=f"JupyterLab {theme}").first.click()
    page.locator(f"body[data-jp-theme-light={'true' if theme == 'Light' else 'false'}]").wait_for(state="attached")


def run_all(page):
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def screenshot(page, name):
    if SCREENSHOTS:
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png")


def verdict(panel, text="Verdict"):
    return panel.get_by_role("status").filter(has_text=text)


def drawn(panel):
    """Characters in the paths of the first moving plot: they grow as points arrive."""
    return sum(len(path.get_attribute("d") or "") for path in panel.locator(".bqplot").first.locator("path.line").all())
