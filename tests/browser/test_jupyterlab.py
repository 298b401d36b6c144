"""The window as a learner and a teacher first see it: files, links, kernels, saving. A real Chromium."""

import re

import pytest

from stabilitylab import delivery, workspace
from tests.browser.screen import LESSONS, open_lesson, screenshot, use_theme
from tests.jupyterlab import Lab

pytestmark = pytest.mark.browser


def test_make_lab_prints_a_url_that_opens_the_first_lesson(lab):
    assert re.search(r"/lab/tree/notebooks/00_start_here.ipynb\?token=\w+", lab.url)


@pytest.mark.parametrize("theme", ["Light", pytest.param("Dark", marks=pytest.mark.slow)])
def test_a_learner_first_sees_lessons_whose_names_can_be_read_and_no_tools_of_teachers(page, lab, theme):
    (window,) = (lab.work / ".jupyter" / "workspaces").iterdir()
    window.write_bytes((workspace.ROOT / "setup" / "workspace.json").read_bytes())  # whatever other tests left open
    page.goto(lab.url)
    page.locator(".jp-MarkdownCell .jp-RenderedMarkdown h1").first.wait_for()
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    use_theme(page, theme)
    names = page.locator(".jp-DirListing-itemText")
    assert names.all_text_contents() == [f"{name}.ipynb" for name in [*LESSONS, "mystery_runs"]]
    cut = "Array.from(document.querySelectorAll('.jp-DirListing-itemText')).filter(name => name.scrollWidth > name.clientWidth)"
    assert page.evaluate(f"{cut}.map(name => name.textContent)") == []
    assert "Nbgrader" not in page.locator(".lm-MenuBar-itemLabel").all_text_contents()
    assert page.get_by_role("button", name="Validate").count() == 0
    assert page.get_by_role("tab", name="Create Assignment").count() == 0
    assert page.locator(".jp-Notebook .jp-OutputArea-output").count() == 0, "a question comes before its answer"
    screenshot(page, f"first-{theme.lower()}")
    page.get_by_title("Root Folder").or_(page.locator(".jp-BreadCrumbs-home")).first.click()
    names.filter(has_text="exercises").wait_for()
    screenshot(page, f"root-{theme.lower()}")


def test_links_lead_to_the_learners_own_exercise_and_to_a_page_that_is_drawn(page, lab):
    open_lesson(page, lab, "01_constant_lr_adam")
    page.keyboard.press("Control+End")
    follow(page, "exercises/a2_schedules/a2_schedules.ipynb")
    page.locator(".lm-TabBar-tab.lm-mod-current").filter(has_text="a2_schedules.ipynb").wait_for()
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) h1").first.wait_for()
    assert "/tree/exercises/a2_schedules/a2_schedules.ipynb" in page.url
    page.locator(".lm-TabBar-tab").filter(has_text="01_constant_lr_adam.ipynb").click()
    page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) a[href*='docs/experiments.md']").first.click()
    page.locator(".jp-MarkdownViewer h1").first.wait_for()


def follow(page, text):
    link = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-RenderedMarkdown a").filter(has_text=text).first
    link.scroll_into_view_if_needed()
    link.click()


def test_a_closed_lesson_gives_its_kernel_back(page, lab):
    open_lesson(page, lab, "02_warmup_and_schedules")
    mine = "fetch('/api/sessions').then(r => r.json()).then(all => all.filter(s => s.path.includes('02_warmup')).length)"
    assert page.evaluate(mine) == 1
    page.locator(".lm-TabBar-tab").filter(has_text="02_warmup").locator(".lm-TabBar-tabCloseIcon").click()
    discard = page.get_by_role("button", name="Discard")  # opening a notebook writes down which Python it ran on
    if discard.count():
        discard.click()
    page.wait_for_function(f"async () => await {mine} === 0")


def test_saving_a_lesson_changes_the_learners_copy_alone_and_is_no_edit(page, lab, monkeypatch):
    monkeypatch.setattr(workspace, "WORK", lab.work)
    copy, tracked = lab.work / "notebooks" / "03_spikes_and_clipping.ipynb", workspace.ROOT / "notebooks"
    before = {path: path.read_bytes() for path in tracked.iterdir() if path.is_file()}
    open_lesson(page, lab, "03_spikes_and_clipping")
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    delivered = copy.read_bytes()
    page.keyboard.press("Control+s")
    page.wait_for_function("() => !document.querySelector('.jp-NotebookPanel.jp-mod-dirty, .lm-TabBar-tab.jp-mod-dirty')")
    assert copy.read_bytes() != delivered, "nothing was saved"
    assert {path: path.read_bytes() for path in tracked.iterdir() if path.is_file()} == before
    assert delivery.fingerprint(copy.read_bytes()) == delivery.fingerprint(delivered)


@pytest.mark.slow
def test_make_teach_shows_nbgraders_tools(page, tmp_path):
    teaching = Lab(tmp_path / "work", "teach", STABILITYLAB_GRADING=str(tmp_path / "grading"))
    try:
        page.goto(teaching.url)
        page.locator(".lm-MenuBar-itemLabel").filter(has_text="Nbgrader").click()
        page.get_by_role("menuitem", name="Formgrader", exact=True).click()
        frame = page.frame_locator("iframe[src*='formgrader']")
        frame.get_by_role("link", name="a1_clipping", exact=True).wait_for()
        screenshot(page, "teach")
    finally:
        teaching.close()
