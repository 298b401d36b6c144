"""A class of thirty, from release to the spreadsheet, with points given by hand in formgrader in a real browser."""

import copy
import csv
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder import asking, bank, grading, release
from autograder.cli import main
from stabilitylab import workspace
from tests.classroom.handing_in import NAME, hand_in, notebook
from tests.hostile.test_hostile import ATTACKS, attack
from tests.jupyterlab import Lab

pytestmark = pytest.mark.slow
GOOD = [a for a in bank.answers(NAME) if a.right]
WRONG_NAMES = (
    "wrong_per_tensor",
    "wrong_clips_at_ten",
    "wrong_angle",
    "wrong_loses_the_sign",
    "wrong_uses_torch_helper",
    "wrong_subtracts",
)
WRONG = [answer for answer in bank.answers(NAME) if answer.name in WRONG_NAMES]
HOSTILE = ("patched_marking", "protocol_forgery", "quits", "background_process", "markup_everywhere")


def answered(made, answer):
    """A notebook with one more answer in it."""
    made = copy.deepcopy(made)
    next(
        c for c in made.cells if c.metadata.get("nbgrader", {}).get("grade_id") == f"{answer.question}_code"
    ).source = answer.source
    return nbformat.writes(made)


def make_class(folder):
    """Student -> the points deserved, out of 23; None where any number below 23 will do."""
    solution = notebook("solutions")
    blank = notebook("exercises")
    handed_in, deserved = {}, {}
    for number, answer in enumerate(GOOD[:11]):
        handed_in[f"good_{number}"], deserved[f"good_{number}"] = answered(solution, answer), 23
    for answer in WRONG:
        handed_in[answer.name], deserved[answer.name] = answered(solution, answer), None
    for name in HOSTILE:
        handed_in[name], deserved[name] = attack(ATTACKS[name], {}), 0
    for number in range(3):
        handed_in[f"blank_{number}"], deserved[f"blank_{number}"] = nbformat.writes(blank), 0
    handed_in["broken"], deserved["broken"] = '{"cells": [', 0
    handed_in["empty"], deserved["empty"] = "", 0
    no_metadata = json.loads(nbformat.writes(solution))
    for one in no_metadata["cells"]:
        one["metadata"] = {}
    handed_in["no_metadata"], deserved["no_metadata"] = json.dumps(no_metadata), 23
    mangled = json.loads(nbformat.writes(solution))
    mangled["cells"] = [c for c in mangled["cells"] if c["metadata"].get("nbgrader", {}).get("points") is None] * 2
    mangled["metadata"] = {"kernelspec": {"name": "julia", "display_name": "Julia"}}
    handed_in["mangled"], deserved["mangled"] = json.dumps(mangled), 23
    for student, text in handed_in.items():
        hand_in(folder, student, text)
    (folder / "absent").mkdir()
    return deserved | {"absent": 0}


def test_a_class_of_thirty_from_release_to_the_spreadsheet(tmp_path, browser):
    assert release.release([NAME], check=True) == []
    submissions, workdir, report = tmp_path / "class", tmp_path / "grading", tmp_path / "report.json"
    deserved = make_class(submissions)
    assert len(deserved) == 30
    command = [
        "grade",
        NAME,
        "--submissions",
        str(submissions),
        "--workdir",
        str(workdir),
        "--report",
        str(report),
        "--jobs",
        "2",
    ]
    assert main(command) == 0
    first = json.loads(report.read_text())["students"]
    assert set(first) == set(deserved)
    for student, points in deserved.items():
        assert first[student]["score"] == points if points is not None else first[student]["score"] < 23, student

    with Gradebook(f"sqlite:///{workdir / 'gradebook.db'}", "stabilitylab") as gradebook:
        page_of = {s: gradebook.find_submission_notebook(NAME, NAME, s).id for s in ("good_3", "markup_everywhere")}
    lab = Lab(tmp_path / "work", "teach", STABILITYLAB_GRADING=str(workdir))
    try:
        grade_by_hand(browser, lab.url, page_of)
    finally:
        lab.close()

    assert main(command) == 0
    second = json.loads(report.read_text())["students"]
    assert (second["good_3"]["score"], second["good_3"]["max"]) == (25.5, 26)
    assert (second["markup_everywhere"]["score"], second["markup_everywhere"]["max"]) == (0, 26)
    assert {s: r for s, r in second.items() if s not in page_of} == {s: r for s, r in first.items() if s not in page_of}
    page = (workdir / "feedback" / "good_3" / NAME / f"{NAME}.html").read_text()
    assert "25.5" in page and "Say how you would tell." in page
    with open(workdir / "grades.csv", newline="") as file:
        rows = {row["student_id"]: float(row["score"]) for row in csv.DictReader(file)}
    assert rows == {student: result["score"] for student, result in second.items()}


def grade_by_hand(browser, url, page_of):
    """Gives 2.5 points and a comment to one student and 0 to another, as a teacher would."""
    base, token = re.match(r"(http://[^/]+).*token=(\w+)", url).groups()
    page = browser.new_page(viewport={"width": 1300, "height": 900})
    page.goto(f"{base}/api/status?token={token}")  # signs in
    page.goto(f"{base}/formgrader/gradebook/{NAME}/{NAME}")
    page.get_by_text("Submission #1", exact=True).wait_for()
    for student, points in (("good_3", "2.5"), ("markup_everywhere", "0")):
        page.goto(f"{base}/formgrader/submissions/{page_of[student]}")
        score = page.locator("input.score:not([disabled])").last
        score.scroll_into_view_if_needed()
        with page.expect_response(lambda r: "/api/grade/" in r.url and r.request.method == "PUT"):
            score.fill(points)
            score.blur()
        if student == "good_3":
            comment = page.locator("textarea.comment").last
            with page.expect_response(lambda r: "/api/comment/" in r.url and r.request.method == "PUT"):
                comment.fill("Say how you would tell.")
                comment.blur()
        assert page.title() != "SCRIPTMARK"
        if os.environ.get("STABILITYLAB_SCREENSHOTS"):
            page.screenshot(path=Path(os.environ["STABILITYLAB_SCREENSHOTS"]) / f"formgrader_{student}.png")
    page.close()


KILLED = """
import os, signal, sys
from pathlib import Path
from autograder.grading import grade

def progress(doing, done, total):
    if (doing, done) == ("Grading", int(sys.argv[1])):
        os.kill(os.getpid(), signal.SIGKILL)

grade(sys.argv[2], Path(sys.argv[3]), workdir=Path(sys.argv[4]), jobs=2, progress=progress)
"""


@pytest.mark.parametrize("done", [1, 4])
def test_a_batch_that_was_killed_goes_on_where_it_stopped(tmp_path, monkeypatch, done):
    submissions = tmp_path / "class"
    solution = notebook("solutions")
    students = [f"s{number}" for number in range(6)]
    for student, answer in zip(students, [*GOOD[:2], *WRONG[:4]]):
        hand_in(submissions, student, answered(solution, answer))
    workdir = tmp_path / "killed"
    killed = subprocess.run([sys.executable, "-c", KILLED, str(done), NAME, str(submissions), str(workdir)], cwd=workspace.ROOT)
    assert killed.returncode == -signal.SIGKILL
    kept = {path.stem: path.read_text() for path in (workdir / "marks" / NAME).glob("*.json")}
    assert len(kept) >= done

    judged = []
    collect = asking.collect
    monkeypatch.setattr(asking, "collect", lambda *a: judged.append(a) or collect(*a))
    report = grading.grade(NAME, submissions, workdir=workdir)
    assert len(judged) == len(students) - len(kept)
    for student, text in kept.items():
        marks = json.loads((workdir / "marks" / NAME / f"{student}.json").read_text())["marks"]
        assert marks == json.loads(text)["marks"]
    assert report == grading.grade(NAME, submissions, workdir=tmp_path / "whole")
    with Gradebook(f"sqlite:///{workdir / 'gradebook.db'}", "stabilitylab") as gradebook:
        assert sorted(s.student_id for s in gradebook.assignment_submissions(NAME)) == students
