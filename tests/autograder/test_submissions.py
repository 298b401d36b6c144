"""Reading anybody's file, and rebuilding it on the release notebook."""

import dataclasses
import json
import os

import nbformat
import pytest

from autograder import submissions
from autograder.submissions import Cell, Unreadable, cells_of, read, rebuild

NAME = "toy"
CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}}


def place(folder, student, made):
    path = folder / student / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(made if isinstance(made, str) else json.dumps(made))
    return path


def told(folder, student):
    with pytest.raises(Unreadable) as error:
        read(folder, student, NAME)
    return str(error.value)


def test_the_students_are_the_folders(tmp_path):
    for name in ("bob", "ada", ".git"):
        (tmp_path / name).mkdir()
    (tmp_path / "list.csv").touch()
    assert submissions.students(tmp_path) == ["ada", "bob"]


def test_a_folder_that_is_none_or_holds_no_student_is_named(tmp_path):
    with pytest.raises(
        ValueError, match=r"--submissions is .*/none, which is not a folder; it should hold STUDENT/NAME/NAME.ipynb"
    ):
        submissions.students(tmp_path / "none")
    (tmp_path / "file").touch()
    (tmp_path / ".cache").mkdir()
    with pytest.raises(ValueError, match=r"--submissions .* holds no student; it should hold STUDENT/NAME/NAME.ipynb"):
        submissions.students(tmp_path)


@pytest.mark.parametrize("name", ["ada", "ada.l@uni-x.org", "a+b_c", "ä", "7", "_x"])
def test_names_that_a_folder_may_have(name):
    assert submissions.STUDENT.fullmatch(name)


@pytest.mark.parametrize("name", ["", "-rf", ".x", "=cmd", "two words", "a/b", "<script>", "a;b", "a\n"])
def test_names_that_a_folder_may_not_have(name):
    assert not submissions.STUDENT.fullmatch(name)


def test_a_submission_is_read_cell_by_cell(tmp_path):
    text = {"cell_type": "markdown", "source": ["two ", "lines"], "metadata": {"nbgrader": {"grade_id": "words"}}}
    place(tmp_path, "ada", {"cells": [text, CODE]})
    found = read(tmp_path, "ada", NAME)
    assert found == [Cell("markdown", "two lines", "words"), Cell("code", "x = 1", None)]
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].grade_id = None


def test_nothing_handed_in_is_not_a_broken_file(tmp_path):
    (tmp_path / "ada" / NAME).mkdir(parents=True)
    assert read(tmp_path, "ada", NAME) is None
    assert read(tmp_path, "bob", NAME) is None


@pytest.mark.parametrize(
    "text", ["", "{", "[1", '{"cells": 3}', '{"other": []}', "[]", '{"cells": [3]}', '{"cells": ["x"]}', "[" * 100_000]
)
def test_what_is_no_notebook_is_told_so(tmp_path, text):
    place(tmp_path, "ada", text)
    assert (
        told(tmp_path, "ada") == "toy.ipynb could not be read as a notebook; save it again from JupyterLab and hand it in again."
    )


def test_bytes_that_are_no_text_are_told_so(tmp_path):
    place(tmp_path, "ada", "").write_bytes(bytes(range(256)))
    assert "could not be read as a notebook" in told(tmp_path, "ada")


def test_a_file_that_may_not_be_read_is_told_so(tmp_path, monkeypatch):
    place(tmp_path, "ada", {"cells": [CODE]})

    def refuse(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(submissions.Path, "read_bytes", refuse)
    assert "could not be read as a notebook" in told(tmp_path, "ada")


def test_links_folders_and_pipes_are_no_submissions(tmp_path):
    honest = place(tmp_path, "ada", {"cells": [CODE]})
    place(tmp_path, "link", "").unlink()
    (tmp_path / "link" / NAME / f"{NAME}.ipynb").symlink_to(honest)
    place(tmp_path, "nowhere", "").unlink()
    (tmp_path / "nowhere" / NAME / f"{NAME}.ipynb").symlink_to("nothing")
    (tmp_path / "linked_folder").mkdir()
    (tmp_path / "linked_folder" / NAME).symlink_to(honest.parent)
    (tmp_path / "folder" / NAME / f"{NAME}.ipynb").mkdir(parents=True)
    (tmp_path / "pipe" / NAME).mkdir(parents=True)
    os.mkfifo(tmp_path / "pipe" / NAME / f"{NAME}.ipynb")
    for student in ("link", "nowhere", "linked_folder", "folder", "pipe"):
        assert told(tmp_path, student) == "toy.ipynb is not a plain file; hand in the notebook itself."


def test_submissions_may_lie_behind_a_link_of_the_teachers(tmp_path):
    place(tmp_path / "real", "ada", {"cells": [CODE]})
    (tmp_path / "course").symlink_to(tmp_path / "real")
    assert read(tmp_path / "course", "ada", NAME) == [Cell("code", "x = 1", None)]


def test_a_file_of_twenty_megabytes_is_read_and_a_larger_one_is_not(tmp_path):
    path = place(tmp_path, "ada", {"cells": [CODE]})
    content = path.read_bytes()
    path.write_bytes(content + b" " * ((20 << 20) - len(content)))
    assert read(tmp_path, "ada", NAME) == [Cell("code", "x = 1", None)]
    with open(path, "ab") as file:
        file.write(b" ")
    assert told(tmp_path, "ada") == "toy.ipynb is larger than 20 MB; clear its outputs and hand it in again."


@pytest.mark.parametrize("cells, length", [(1000, 100), (1, 100_000), (2, 50_000)])
def test_as_much_text_as_can_be_graded_is_read(tmp_path, cells, length):
    place(tmp_path, "ada", {"cells": [CODE | {"source": "x" * length}] * cells})
    assert len(read(tmp_path, "ada", NAME)) == cells


@pytest.mark.parametrize("cells, length", [(1001, 1), (1, 100_001), (500, 201)])
def test_more_text_is_refused(tmp_path, cells, length):
    place(tmp_path, "ada", {"cells": [CODE | {"source": "x" * length}] * cells})
    said = "toy.ipynb holds more text than can be graded; remove what does not belong to your answers."
    assert told(tmp_path, "ada") == said


def found(**cell):
    return list(cells_of({"cells": [CODE | cell, CODE]}))


def test_a_cell_of_odd_shape_is_left_out_and_the_others_stay():
    for odd in (
        {"cell_type": "raw"},
        {"cell_type": ["code"]},
        {"cell_type": None},
        {"source": {}},
        {"source": None},
        {"source": 3},
    ):
        assert found(**odd) == [Cell("code", "x = 1", None)], odd
    assert found(cell_type="markdown") == [Cell("markdown", "x = 1", None), Cell("code", "x = 1", None)]
    assert [cell.source for cell in cells_of({"cells": [{"cell_type": "code"}]})] == [""]


def test_metadata_of_any_shape_costs_the_grade_id_only():
    for odd in (None, {}, {"nbgrader": None}, {"nbgrader": [1]}, {"nbgrader": {}}, {"nbgrader": {"grade_id": 3}}):
        assert found(metadata=odd)[0] == Cell("code", "x = 1", None), odd
    assert list(cells_of({"cells": [{"cell_type": "code", "source": ""}]})) == [Cell("code", "", None)]
    assert found(metadata={"nbgrader": {"grade_id": "double"}})[0].grade_id == "double"


def test_half_a_character_and_thousands_of_blank_lines_are_made_harmless():
    assert found(source="s = '\ud800'")[0].source == "s = '?'"
    assert found(source="a" + "\n" * 20 + "b")[0].source == "a" + "\n" * 20 + "b"
    assert found(source="a\n" + " \t\n" * 5000 + "b")[0].source == "a" + "\n" * 20 + "b"


# rebuilding


def ours(kind, source, grade_id=None, **nbgrader):
    made = nbformat.v4.new_code_cell(source) if kind == "code" else nbformat.v4.new_markdown_cell(source)
    if grade_id:
        about = {"grade_id": grade_id, "solution": False, "grade": False, "locked": True, "schema_version": 3}
        made.metadata["nbgrader"] = nbformat.from_dict(about | nbgrader)
    return made


@pytest.fixture
def blank():
    made = nbformat.v4.new_notebook()
    made.cells = [
        ours("code", "import math", "setup"),
        ours("markdown", "A word."),
        ours("code", "raise NotImplementedError()", "double_code", solution=True),
        ours("code", "check(double)", "double", grade=True, points=4),
        ours("markdown", "*Your answer.*", "words", grade=True, solution=True, points=3),
        ours("code", "plot()", "show"),
    ]
    made.cells[5].metadata["tags"] = [submissions.DEMO_TAG]
    return made


def rebuilt(blank, *submitted):
    return rebuild(blank, [Cell(*cell) for cell in submitted])


def sources(notebook):
    return [cell.source for cell in notebook.cells]


def test_answers_replace_solution_cells_and_no_others(blank):
    made = rebuilt(
        blank,
        ("code", "import nothing", "setup"),
        ("code", "def double(x): ...", "double_code"),
        ("code", "8.0", "double"),
        ("markdown", "Because.", "words"),
    )
    assert sources(made) == ["import math", "A word.", "def double(x): ...", "check(double)", "Because.", "plot()"]
    assert sources(blank)[2] == "raise NotImplementedError()"  # it serves the next student too


def test_what_was_deleted_is_there_again(blank):
    assert sources(rebuilt(blank)) == sources(blank)


def test_the_first_of_two_answers_counts(blank):
    made = rebuilt(blank, ("code", "first", "double_code"), ("code", "second", "double_code"))
    assert sources(made)[2] == "first" and "second" not in sources(made)


def test_cells_of_ones_own_stay_where_they_stood(blank):
    made = rebuilt(
        blank,
        ("code", "before = 1", None),
        ("markdown", "A word.", None),  # ours, though it has no name
        ("code", "", "setup"),
        ("code", "helper = 1", None),
        ("markdown", "A note.", None),
        ("code", "answer", "double_code"),
        ("code", "", "double"),
        ("code", "", "setup"),  # again: it is no new place
        ("code", "after = 1", "not_ours"),
    )
    assert sources(made) == [
        *("before = 1", "import math", "helper = 1", "A note.", "A word.", "answer", "check(double)", "after = 1"),
        *("*Your answer.*", "plot()"),
    ]
    assert [cell.cell_type for cell in made.cells][:4] == ["code", "code", "code", "markdown"]
    assert [cell.id for cell in made.cells] == [f"cell-{number:03d}" for number in range(10)]
    nbformat.validate(made)


def test_a_lost_grade_id_leaves_a_cell_of_ones_own(blank):
    made = rebuilt(blank, ("code", "def double(x): ...", None))
    assert sources(made)[0] == "def double(x): ..." and sources(made)[3] == "raise NotImplementedError()"


def test_only_a_locked_code_cell_with_points_is_a_test(blank):
    assert [submissions.is_test(cell) for cell in blank.cells] == [False, False, False, True, False, False]
    graded_by_hand = ours("code", "x", "essay", grade=True, solution=True, points=1)
    assert not submissions.is_test(graded_by_hand)
    assert not submissions.is_test(ours("markdown", "x", "task", grade=True, points=1))


def test_code_that_defines_something_is_run_and_tests_and_demonstrations_are_not(blank):
    assert submissions.code_cells(rebuilt(blank, ("code", "helper = 1", None))) == [
        "helper = 1",
        "import math",
        "raise NotImplementedError()",
    ]
