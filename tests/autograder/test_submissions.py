"""Reading anybody's file. How it is put on the release notebook: test_rebuilding.py."""

import dataclasses
import json
import os

import pytest

from autograder import submissions
from autograder.submissions import Cell, Unreadable, cells_of, read

NAME = "toy"
CODE = {"cell_type": "code", "source": "x = 1", "metadata": {}}
ONE = Cell("code", "x = 1", None, 1)


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
    assert found == [Cell("markdown", "two lines", "words", 1), Cell("code", "x = 1", None, 2)]
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
    assert read(tmp_path / "course", "ada", NAME) == [ONE]


def test_a_file_of_twenty_megabytes_is_read_and_a_larger_one_is_not(tmp_path):
    path = place(tmp_path, "ada", {"cells": [CODE]})
    content = path.read_bytes()
    path.write_bytes(content + b" " * ((20 << 20) - len(content)))
    assert read(tmp_path, "ada", NAME) == [ONE]
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
        {"cell_type": "heading"},
        {"cell_type": ["code"]},
        {"cell_type": None},
        {"source": {}},
        {"source": None},
        {"source": 3},
        {"source": ["x", 3]},
    ):
        assert found(**odd) == [Cell("code", "x = 1", None, 2)], odd
    for kind in ("markdown", "raw", "code"):
        assert found(cell_type=kind) == [Cell(kind, "x = 1", None, 1), Cell("code", "x = 1", None, 2)]
    assert [cell.source for cell in cells_of({"cells": [{"cell_type": "code"}]})] == [""]


def test_metadata_of_any_shape_costs_the_grade_id_only():
    for odd in (None, {}, {"nbgrader": None}, {"nbgrader": [1]}, {"nbgrader": {}}, {"nbgrader": {"grade_id": 3}}):
        assert found(metadata=odd)[0] == ONE, odd
    assert list(cells_of({"cells": [{"cell_type": "code", "source": ""}]})) == [Cell("code", "", None, 1)]
    assert found(metadata={"nbgrader": {"grade_id": "double"}})[0].grade_id == "double"


def test_half_a_character_and_thousands_of_blank_lines_are_made_harmless():
    assert found(source="s = '\ud800'")[0].source == "s = '?'"
    assert found(source="a" + "\n" * 20 + "b")[0].source == "a" + "\n" * 20 + "b"
    assert found(source="a\n" + " \t\n" * 5000 + "b")[0].source == "a" + "\n" * 20 + "b"


# pasted pictures

PNG = {"image/png": "iVBORw0KGgo="}


def shown(source, attachments, **cell):
    return found(cell_type="markdown", source=source, attachments=attachments, **cell)[0]


def test_a_pasted_picture_stands_in_the_text_as_data_and_does_not_count_as_text():
    cell = shown("See ![my plot](attachment:image.png), it falls.", {"image.png": PNG})
    assert cell.source == "See ![my plot](data:image/png;base64,iVBORw0KGgo=), it falls."
    assert 0 < cell.pictures < len(cell.source)
    spaced = shown("![](attachment:my%20plot.png)", {"my plot.png": {"image/png": "iVBO\nRw0KGgo=\n"}})
    assert spaced.source == "![](data:image/png;base64,iVBORw0KGgo=)"
    assert (
        shown('![x](attachment:a.jpg "title")', {"a.jpg": {"image/jpeg": "AAAA"}}).source == "![x](data:image/jpeg;base64,AAAA)"
    )


@pytest.mark.parametrize(
    "attachments",
    [
        None,
        {},
        [],
        {"x.png": None},
        {"x.png": {}},
        {"x.png": {"image/png": 3}},
        {"x.png": {"image/png": "<script>"}},
        {"x.png": {"image/png": ""}},
        {"x.png": {"image/svg+xml": "AAAA"}},
        {"x.png": {"text/html": "AAAA"}},
        {"other.png": {"image/png": "AAAA"}},
    ],
)
def test_a_picture_that_cannot_be_shown_becomes_a_few_words(attachments):
    assert shown("See ![my plot](attachment:x.png).", attachments).source == "See (the picture my plot is not shown)."
    assert shown("![](attachment:x.png)", attachments).source == "(the picture x.png is not shown)"


def test_pictures_have_room_all_together(monkeypatch, tmp_path):
    monkeypatch.setattr(submissions, "LARGEST_PICTURES", 100)
    cell = {
        "cell_type": "markdown",
        "source": "![a](attachment:a) ![a](attachment:a)",
        "attachments": {"a": {"image/png": "A" * 40}},
    }
    first, second = cells_of({"cells": [cell, cell]})
    assert first.source.count("base64") == 2 and "not shown" in second.source


def test_text_with_a_large_picture_can_be_graded(tmp_path):
    picture = {"image/png": "A" * 200_000}
    place(tmp_path, "ada", {"cells": [{"cell_type": "markdown", "source": "![a](attachment:a)", "attachments": {"a": picture}}]})
    assert read(tmp_path, "ada", NAME)[0].pictures > 199_000


def test_in_code_nothing_is_a_picture():
    assert found(source="s = '![a](attachment:a)'", attachments={"a": PNG})[0] == Cell(
        "code", "s = '![a](attachment:a)'", None, 1
    )


# files beside the notebook


def test_small_plain_files_beside_the_notebook_come_along(tmp_path):
    home = place(tmp_path, "ada", {"cells": [CODE]}).parent
    (home / "helper.py").write_text("x = 1")
    (home / "data").mkdir()
    (home / "data" / "table.bin").write_bytes(b"\xff")
    (home / "copy.ipynb").write_text("{}")
    (home / ".ipynb_checkpoints").mkdir()
    (home / ".ipynb_checkpoints" / "old.py").touch()
    (home / ".env").touch()
    (home / "link.py").symlink_to(home / "helper.py")
    (home / "elsewhere").symlink_to(tmp_path)
    assert submissions.files(tmp_path, "ada", NAME) == {"data/table.bin": b"\xff", "helper.py": b"x = 1"}
    assert submissions.files(tmp_path, "bob", NAME) == {}
    (tmp_path / "eve").mkdir()
    (tmp_path / "eve" / NAME).symlink_to(home)
    assert submissions.files(tmp_path, "eve", NAME) == {}


def test_files_have_room_all_together(tmp_path, monkeypatch):
    home = place(tmp_path, "ada", {"cells": [CODE]}).parent
    for name, size in (("a", 60), ("b", 60), ("c", 40), ("d", 1)):
        (home / name).write_bytes(b"x" * size)
    monkeypatch.setattr(submissions, "LARGEST_FILES", 100)
    assert set(submissions.files(tmp_path, "ada", NAME)) == {"a", "c"}
    monkeypatch.setattr(submissions, "MOST_FILES", 1)
    assert set(submissions.files(tmp_path, "ada", NAME)) == {"a"}


def test_what_lies_in_the_wrong_place_is_named(tmp_path):
    (tmp_path / "ada").mkdir()
    assert submissions.missing(tmp_path, "ada", NAME) == "toy.ipynb was not handed in."
    for name in ("toy (1).ipynb", "work/toy.ipynb", "toy.ipynb.txt", "z.ipynb"):
        path = tmp_path / "ada" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    said = submissions.missing(tmp_path, "ada", NAME)
    assert "There is toy (1).ipynb, toy.ipynb.txt, work/toy.ipynb and 1 more, which `autograder collect` would sort." in said
    for name in ("bob_toy.ipynb", "all.zip", "notes.txt"):
        (tmp_path / name).touch()
    assert submissions.strays(tmp_path) == ["all.zip", "bob_toy.ipynb"]


def test_what_a_mac_adds_to_a_zip_is_no_student(tmp_path):
    for name in ("ada", "__MACOSX"):
        (tmp_path / name).mkdir()
    assert submissions.students(tmp_path) == ["ada"]
    assert submissions.STUDENT.fullmatch("x" * 100) and not submissions.STUDENT.fullmatch("x" * 101)
