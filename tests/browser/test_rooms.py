"""Predictions, quizzes, interviews and mystery runs by keyboard, in a real Chromium."""

import pytest

from tests.browser.screen import open_lesson, screenshot

pytestmark = pytest.mark.browser


def test_a_prediction_can_be_committed_by_keyboard(page, lab):
    open_lesson(page, lab, "01_constant_lr_adam")
    page.locator(".jp-CodeCell .jp-InputArea-editor").first.click()
    page.keyboard.press("Shift+Enter")
    commit = page.get_by_role("button", name="Commit").first
    commit.wait_for()
    assert commit.is_disabled()
    page.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    commit.focus()
    page.keyboard.press("Enter")
    page.get_by_role("status").filter(has_text="Committed").wait_for()


def test_a_quiz_is_answered_by_keyboard_and_remembers(page, lab):
    open_lesson(page, lab, "01_constant_lr_adam")
    page.keyboard.press("Control+End")
    cell = page.locator(".jp-CodeCell").filter(has_text='quiz("01")')
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    question = cell.locator(".stability-question").first
    said, check = question.get_by_role("status"), question.get_by_role("button", name="Check")
    question.get_by_role("radio").first.focus()
    page.keyboard.press("Space")
    check.focus()
    page.keyboard.press("Enter")
    said.filter(has_text="No.").wait_for()
    question.get_by_role("radio").first.focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    check.focus()
    page.keyboard.press("Enter")
    said.filter(has_text="Right.").wait_for()
    several, number = cell.locator(".stability-question").nth(2), cell.locator(".stability-question").nth(3)
    for box in (0, 3):
        several.get_by_role("checkbox").nth(box).focus()
        page.keyboard.press("Space")
    number.get_by_role("textbox").focus()
    page.keyboard.type("1e-2")
    for card in (several, number):
        card.get_by_role("button", name="Check").focus()
        page.keyboard.press("Enter")
        card.get_by_role("status").filter(has_text="Right.").wait_for()
    screenshot(page, "quiz")
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    cell.get_by_role("status").filter(has_text="Your last answer was right").nth(2).wait_for()


@pytest.mark.slow
def test_a_mock_interview_by_keyboard_from_begin_to_debrief(page, lab):
    open_lesson(page, lab, "11_interview_room")
    page.keyboard.press("Control+End")
    cell = page.locator(".jp-CodeCell").filter(has_text="interview_room.enter()")
    cell.scroll_into_view_if_needed()
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    room = cell.locator(".stability-interview")
    room.get_by_role("button", name="15 minutes").focus()
    page.keyboard.press("Enter")
    room.get_by_role("button", name="Begin").focus()
    page.keyboard.press("Enter")
    for number in (1, 2, 3):
        room.get_by_role("status").filter(has_text=f"Question {number} of 3").wait_for()
        room.get_by_role("textbox").focus()
        page.keyboard.type("I would look at the gradient norm first.")
        room.get_by_role("button", name="Compare").focus()
        page.keyboard.press("Enter")
        room.get_by_role("status").filter(has_text="In three sentences.").wait_for()
        screenshot(page, f"interview-{number}")
        room.get_by_role("radio").nth(2).focus()
        page.keyboard.press("Space")
        following = room.get_by_role("button", name="Next")
        page.wait_for_function("button => !button.disabled", arg=following.element_handle())
        following.focus()
        page.keyboard.press("Enter")
    room.get_by_role("status").filter(has_text="6 of 12 points").wait_for()
    screenshot(page, "interview-debrief")


@pytest.mark.slow
def test_a_mystery_run_is_played_by_keyboard_to_its_replay(page, lab):
    open_lesson(page, lab, "mystery_runs")
    cell = page.locator(".jp-CodeCell").filter(has_text="mystery_room.play(1)")
    cell.locator(".jp-InputArea-editor").click()
    page.keyboard.press("Shift+Enter")
    room = cell.locator(".stability-mystery")
    for button in ("gradient norm (1)", "re-run in fp32 (3)"):
        room.get_by_role("button", name=button, exact=True).focus()
        page.keyboard.press("Enter")
        room.get_by_text(f"{button.rpartition(' ')[0]}").nth(1).wait_for()
    room.get_by_text("6 of 10 points left").wait_for()
    screenshot(page, "mystery-bought")
    for box in ("learning rate", "clip the gradient norm at 1.0"):
        room.get_by_label(box, exact=True).focus()
        page.keyboard.press("Space")
    room.get_by_role("button", name="Verdict").focus()
    page.keyboard.press("Enter")
    room.get_by_text("of 100").first.wait_for()
    screenshot(page, "mystery-verdict")
