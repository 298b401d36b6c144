"""A class of honest people with untidy notebooks: twelve kinds of each of the six assignments, through the whole grader."""

import copy
import json

import nbformat
import pytest

from autograder import release
from autograder.cli import main
from stabilitylab import exercises, workspace
from tests.classroom.untidy import KINDS

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", release.assignments())
def test_no_untidy_notebook_loses_a_point_and_words_wait_for_a_person(name, tmp_path):
    solved, blank = (
        json.loads(nbformat.writes(nbformat.read(workspace.ROOT / folder / name / f"{name}.ipynb", as_version=4)))
        for folder in ("solutions", "exercises")
    )
    for kind in KINDS:
        made, files = kind(copy.deepcopy(solved), copy.deepcopy(blank))
        home = tmp_path / "class" / kind.__name__ / name
        home.mkdir(parents=True)
        (home / f"{name}.ipynb").write_text(json.dumps(made))
        for file, content in files.items():
            (home / file).write_text(content)
    report = tmp_path / "report.json"
    command = ["grade", name, "--submissions", str(tmp_path / "class"), "--workdir", str(tmp_path / "grading")]
    assert main([*command, "--report", str(report)]) == 0
    students = json.loads(report.read_text())["students"]
    assert len(students) == len(KINDS)
    points = {grade_id: question["max"] for grade_id, question in students["cells_split"]["questions"].items()}
    by_machine = sum(points[grade_id] for grade_id in exercises.questions(name))
    for student, result in students.items():
        by_grade_id = result["questions"].items()
        lost = {grade_id: q["feedback"] for grade_id, q in by_grade_id if not q["manual"] and q["score"] < q["max"]}
        assert (result["status"], lost) == ("graded", {}), (student, result["notes"])
        assert (result["score"], result["max"]) == (by_machine, by_machine), student  # words are in neither: they wait
