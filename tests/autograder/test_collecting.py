"""`autograder collect`: from what a platform gives to the folders that the grader reads."""

import errno
import io
import json
import os
import re
import stat
import unicodedata
import zipfile
from datetime import datetime

import pytest

from autograder import archives, submissions
from autograder.cli import main
from autograder.collecting import collect
from stabilitylab import workspace

NAME = "a1_clipping"
OTHER = "a2_schedules"
BLANK = (workspace.EXERCISES / NAME / f"{NAME}.ipynb").read_bytes()
LATER, EARLIER = (2026, 5, 2, 12, 0, 0), (2026, 5, 1, 12, 0, 0)


def written(text, name=NAME):
    """The release with something in its first answer."""
    notebook = json.loads((workspace.EXERCISES / name / f"{name}.ipynb").read_bytes())
    cell = next(cell for cell in notebook["cells"] if cell["metadata"].get("nbgrader", {}).get("solution"))
    cell["source"] = f"# wrote {text}\n"
    return json.dumps(notebook).encode()


def packed(files, date=LATER, method=zipfile.ZIP_DEFLATED):
    """A zip file's bytes."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, date), content, method)
    return stream.getvalue()


class Desk:
    """Where somebody collects: what was said, and what lies in the folder afterwards."""

    def __init__(self, folder):
        self.folder, self.into = folder, folder / "collected"
        self.lines, self.decided = [], None

    def zip(self, files, *, take=(), name=NAME, **packing):
        path = self.folder / "given.zip"
        path.write_bytes(files if isinstance(files, bytes) else packed(files, **packing))
        return self.collect(path, take=take, name=name)

    def tree(self, files, **options):
        for name, content in files.items():
            path = self.folder / "given" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return self.collect(self.folder / "given", **options)

    def collect(self, source, *, take=(), name=NAME):
        self.lines = []
        self.decided = collect(name, source, self.into, take=take, say=self.lines.append)
        return self.taken(name)

    def taken(self, name=NAME):
        """Student -> what they wrote."""
        found = {}
        for path in sorted(self.into.glob(f"*/{name}/{name}.ipynb")):
            first = re.search(rb'"# wrote ([^"]*)\\n"', path.read_bytes())
            found[path.parent.parent.name] = json.loads(b'"%s"' % first[1]) if first else ""
        return found

    def said(self, path):
        lines = [line for line in self.lines if path in line.partition(": ")[0].partition(" -> ")[0]]
        assert len(lines) == 1, lines
        return lines[0]

    def roster(self):
        return (self.into / "roster.csv").read_text(encoding="utf-8").splitlines()


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


# whose a file is


@pytest.mark.parametrize(
    "path, student",
    [
        # Moodle, in folders and flat, before and since version 4, with folders of the student's own
        ("Zoë OBrien_123_assignsubmission_file_/a1_clipping.ipynb", "Zoë_OBrien"),
        ("Zoë OBrien_123_assignsubmission_file/a1_clipping.ipynb", "Zoë_OBrien"),
        ("Zoë OBrien_123_assignsubmission_file_/work/exercises/a1_clipping/a1_clipping.ipynb", "Zoë_OBrien"),
        ("Zoë OBrien_123_assignsubmission_file_a1_clipping.ipynb", "Zoë_OBrien"),
        ("course-a1-77/Zoë OBrien_123_assignsubmission_file_/a1_clipping.ipynb", "Zoë_OBrien"),
        ("Group A_7_assignsubmission_file/a1_clipping.ipynb", "Group_A"),
        ("Default group_assignsubmission_file/a1_clipping.ipynb", "Default_group"),
        # Canvas
        ("obrienzoë_12345_67890_a1_clipping.ipynb", "obrienzoë"),
        ("obrienzoë_LATE_12345_67890_a1_clipping-1.ipynb", "obrienzoë"),
        ("obrienzoë_late_12345_67890_a1_clipping.ipynb", "obrienzoë"),
        ("anon_aB3dE_67890_a1_clipping.ipynb", "anon_aB3dE"),
        ("LATE_anon_aB3dE_67890_a1_clipping.ipynb", "anon_aB3dE"),
        # people
        ("ada/a1_clipping/a1_clipping.ipynb", "ada"),
        ("ada/a1_clipping.ipynb", "ada"),
        ("ada/work/exercises/a1_clipping/a1_clipping.ipynb", "ada"),
        ("submissions/ada/exercises/a1_clipping.ipynb", "ada"),
        ("given/ada/a1_clipping.ipynb", "ada"),  # a Mac packs the folder itself, and calls the zip after it
        ("O'Brien, Zoë/a1_clipping.ipynb", "OBrien_Zoë"),
        ("ada.l@uni-x.org/a1_clipping.ipynb", "ada.l@uni-x.org"),
        ("ada.ipynb", "ada"),
        ("ada_a1_clipping.ipynb", "ada"),
        ("A1-Clipping Ada Lovelace (2).ipynb", "Ada_Lovelace"),
        ("a1_clipping/ada.ipynb", "ada"),
        ("李雷/a1_clipping.ipynb", "李雷"),
        # their file
        ("ada/a1_clipping (1).ipynb", "ada"),
        ("ada/Copy of a1_clipping.ipynb", "ada"),
        ("ada/Copy of Copy of a1_clipping.ipynb", "ada"),
        ("ada/a1_clipping-Copy1.ipynb", "ada"),
        ("ada/A1_CLIPPING.IPYNB", "ada"),
        ("ada/a1_clipping.ipynb.txt", "ada"),
        ("ada/a1_clipping.ipynb (1).txt", "ada"),
        ("ada/a1_clipping.json", "ada"),
        ("ada/a1_clipping", "ada"),
        ("ada/my homework, final.ipynb", "ada"),
        ("ada\\work\\a1_clipping.ipynb", "ada"),
    ],
)
def test_a_notebook_reaches_the_folder_of_its_author(desk, path, student):
    assert desk.zip({path: written("mine")}) == {student: "mine"}
    assert desk.decided and submissions.STUDENT.fullmatch(student)
    assert desk.lines[0].startswith("taken ") and desk.lines[0].split(" -> ")[1].startswith(student)


def test_a_folder_is_read_as_a_zip_is(desk):
    inner = packed({"exercises/a1_clipping/a1_clipping.ipynb": written("bob's")})
    flat = {"doeeve_5_60_a1_clipping.ipynb": written("eve's"), "ada/a1_clipping/a1_clipping.ipynb": written("ada's")}
    assert desk.tree(flat | {"bob.zip": inner}) == {"ada": "ada's", "bob": "bob's", "doeeve": "eve's"}
    assert desk.decided


def test_a_notebook_alone_is_collected_too(desk):
    path = desk.folder / "doeeve_5_60_a1_clipping.ipynb"
    path.write_bytes(written("eve's"))
    assert desk.collect(path) == {"doeeve": "eve's"}


def test_a_zip_that_a_student_handed_in_is_opened(desk):
    inner = packed({"work/a1_clipping.ipynb": written("mine"), "__MACOSX/work/._a1_clipping.ipynb": b"\0"})
    assert desk.zip({"Ada_1_assignsubmission_file_/a1.zip": inner, "doe_5_60_a1.zip": inner}) == {"Ada": "mine", "doe": "mine"}
    assert desk.decided


def test_names_from_a_mac_are_put_together_again(desk):
    apart = unicodedata.normalize("NFD", "José Ångström")
    assert desk.zip({f"{apart}/a1_clipping.ipynb": written("mine")}) == {"José_Ångström": "mine"}
    assert "José Ångström" in desk.roster()[1]


def test_a_mac_that_does_not_say_that_its_names_are_utf8_is_understood(desk):
    path = "José/a1_clipping.ipynb"
    data = packed({path: written("mine")}).replace(b"PK\x03\x04\x14\x00\x00\x08", b"PK\x03\x04\x14\x00\x00\x00")
    place = data.index(b"PK\x01\x02") + 8
    data = data[:place] + b"\0\0" + data[place + 2 :]
    assert zipfile.ZipFile(io.BytesIO(data)).namelist() != [path]  # the flag is gone
    assert desk.zip(data) == {"José": "mine"}


@pytest.mark.parametrize(
    "path", ["__MACOSX/ada/._a1_clipping.ipynb", "ada/.DS_Store", "ada/.ipynb_checkpoints/a1_clipping-checkpoint.ipynb"]
)
def test_what_systems_leave_behind_is_nobodys(desk, path):
    assert desk.zip({path: written("old"), "ada/a1_clipping.ipynb": written("mine")}) == {"ada": "mine"}
    assert desk.said(path) == f"not taken  {path}: a system's or an editor's own file"
    assert desk.decided


@pytest.mark.parametrize(
    "path", ["a1_clipping.ipynb", "a1_clipping (3).ipynb", "work/exercises/a1_clipping/a1_clipping.ipynb", "Untitled1.ipynb"]
)
def test_a_file_that_does_not_say_whose_it_is_is_left(desk, path):
    assert desk.zip({path: written("whose?")}) == {} and not desk.decided
    assert desk.said(path).endswith("nothing says whose it is; put it into a folder named after its author")


def test_a_folder_around_all_students_is_none_itself(desk):
    files = {f"week 3/{name}/a1_clipping.ipynb": written(name) for name in ("ada", "bob")}
    assert desk.zip(files) == {"ada": "ada", "bob": "bob"}


def test_one_folder_in_another_may_both_be_a_students_name(desk):
    assert desk.zip({"week 3/ada/a1_clipping.ipynb": written("ada's")}) == {} and not desk.decided
    assert "week 3 or ada may be the student" in desk.lines[0]


# which file


def test_another_assignments_notebook_is_not_taken_whatever_it_is_called(desk):
    files = {"ada/a1_clipping.ipynb": written("other", OTHER), "ada/x.ipynb": written("mine"), "ada/y.ipynb": b'{"cells": []}'}
    assert desk.zip(files) == {"ada": "mine"}
    assert desk.said("ada/a1_clipping.ipynb") == "not taken  ada/a1_clipping.ipynb: it is a2_schedules"
    assert "neither its name nor a question in it" in desk.said("ada/y.ipynb")


def test_a_notebook_that_lost_its_metadata_is_known_by_its_name(desk):
    notebook = json.loads(written("mine"))
    for cell in notebook["cells"]:
        cell["metadata"] = {}
    assert desk.zip({"ada/a1_clipping.ipynb": json.dumps(notebook).encode()}) == {"ada": "mine"}


def test_a_broken_notebook_is_taken_so_that_its_author_is_told(desk):
    assert desk.zip({"ada/a1_clipping.ipynb": b'{"cells": ['}) == {"ada": ""} and desk.decided
    assert (desk.into / "ada" / NAME / f"{NAME}.ipynb").read_bytes() == b'{"cells": ['
    assert "cannot be read as a notebook" in desk.lines[0]


def test_who_handed_in_nothing_that_can_be_taken_is_named(desk):
    desk.zip(
        {"Eve_9_assignsubmission_file_/a1_clipping.pdf": b"%PDF", "Eve_9_assignsubmission_onlinetext/onlinetext.html": b"hi"}
    )
    assert desk.lines[-1] == "nothing of  Eve (moodle 9) can be taken; ask for a1_clipping.ipynb"
    assert [line.rsplit(": ")[-1] for line in desk.lines[:-1]] == ["it is no notebook"] * 2
    assert not desk.decided


def test_a_page_in_place_of_the_notebook_is_named_unless_the_notebook_is_there_too(desk):
    page, book = "{0}/a1_clipping.html", "{0}/a1_clipping.ipynb"
    files = {page.format("ada"): b"<html>", page.format("bob"): b"<html>", book.format("bob"): written("bob's")}
    assert desk.zip(files | {"eve_a1_clipping.pdf": b"%PDF"}) == {"bob": "bob's"} and not desk.decided
    assert [line for line in desk.lines if line.startswith("nothing of")] == [
        f"nothing of  {name} can be taken; ask for a1_clipping.ipynb" for name in ("ada", "eve")
    ]
    assert desk.said("bob/a1_clipping.html").endswith(": it is no notebook")


def test_where_there_is_no_submission_at_all_that_is_said(desk):
    (desk.folder / "given").mkdir()
    assert desk.collect(desk.folder / "given") == {} and not desk.decided
    assert desk.lines == [f"{desk.folder / 'given'} holds no submission of a1_clipping that can be taken"]


def test_what_was_collected_is_not_collected_from(desk):
    desk.into.mkdir()
    (desk.into / "inbox").mkdir()
    with pytest.raises(ValueError, match="neither may lie in the other"):
        desk.collect(desk.into / "inbox")


def test_an_archive_of_another_kind_is_not_passed_over(desk):
    desk.zip({"ada/a1.rar": b"Rar!"})
    assert desk.said("ada/a1.rar").endswith("an archive of this kind is not opened; unpack it") and not desk.decided


TWO = {"ada/a1_clipping.ipynb": written("one"), "ada/a1_clipping (1).ipynb": written("two")}


def test_of_two_files_neither_is_taken_until_somebody_says_which(desk):
    assert desk.zip(TWO | {"bob/a1_clipping.ipynb": written("bob's")}) == {"bob": "bob's"}
    assert not desk.decided
    for path, other in zip(TWO, reversed(TWO)):
        assert desk.said(path) == f"not taken  {path}: ada handed in {other} too; choose one with --take"
    assert desk.zip(TWO, take=["ada/a1_clipping (1).ipynb"]) == {"ada": "two", "bob": "bob's"}
    assert desk.decided


def test_a_file_to_take_may_be_written_as_a_mac_writes_it(desk):
    files = {"José/a1_clipping.ipynb": written("one"), "José/x.ipynb": written("two")}
    assert desk.zip(files, take=[unicodedata.normalize("NFD", "José/x.ipynb")]) == {"José": "two"}


def test_a_file_to_take_that_is_not_there_is_named_before_anything_is_written(desk):
    with pytest.raises(ValueError, match=r"--take ada/x.ipynb: no such file may be a submission of a1_clipping"):
        desk.zip(TWO, take=["ada/x.ipynb"])
    assert not desk.into.exists()


def test_a_blank_beside_an_edited_one_is_passed_over_and_said_so(desk):
    outputs = json.loads(BLANK)
    outputs["cells"].append({"cell_type": "code", "source": " ", "metadata": {}})  # JupyterLab adds one behind the last
    next(cell for cell in outputs["cells"] if cell["cell_type"] == "code")["execution_count"] = 3
    files = {"ada/a1_clipping.ipynb": json.dumps(outputs).encode(), "ada/a1_clipping (1).ipynb": written("mine")}
    assert desk.zip(files) == {"ada": "mine"} and desk.decided
    assert desk.said("ada/a1_clipping.ipynb").endswith(": nothing is filled in, unlike in ada/a1_clipping (1).ipynb")


def test_a_blank_alone_is_a_submission(desk):
    desk.zip({"ada/a1_clipping.ipynb": BLANK})
    assert (desk.into / "ada" / NAME / f"{NAME}.ipynb").read_bytes() == BLANK


def test_the_same_answers_twice_are_one_submission(desk):
    ran = json.loads(written("mine"))
    next(cell for cell in ran["cells"] if cell["cell_type"] == "code")["execution_count"] = 3
    files = {"ada/a1_clipping.ipynb": written("mine"), "ada/a1_clipping (1).ipynb": json.dumps(ran).encode()}
    assert desk.zip(files) == {"ada": "mine"} and desk.decided
    assert desk.said("(1)").endswith(": the same answers are in ada/a1_clipping.ipynb")


def test_canvas_counts_what_is_handed_in_again(desk):
    files = {f"doe_5_{60 + i}_a1_clipping{f'-{i}' if i else ''}.ipynb": written(f"try {i}") for i in (0, 2, 10)}
    assert desk.zip(files) == {"doe": "try 10"} and desk.decided
    assert desk.said("doe_5_60_a1_clipping.ipynb").endswith(": it was handed in again as doe_5_70_a1_clipping-10.ipynb")


@pytest.mark.parametrize(
    "files",
    [
        {"doe_5_60_a1_clipping-1.ipynb": written("one"), "doe_5_61_a1_clipping.ipynb": written("two")},  # its numbers disagree
        {"doe_5_60_a1_clipping.ipynb": written("one"), "doe_5_61_a1_clipping-final-1.ipynb": written("two")},  # other names
        {"ada/a1_clipping.ipynb": written("one"), "ada/a1_clipping-1.ipynb": written("two")},  # not from Canvas
    ],
)
def test_a_number_counts_only_where_canvas_put_it(desk, files):
    assert desk.zip(files) == {} and not desk.decided


# who is who


def test_people_of_one_name_get_a_folder_each_and_keep_it(desk):
    files = {f"Max Müller_{n}_assignsubmission_file_/a1_clipping.ipynb": written(f"{n}") for n in (11, 12)}
    assert desk.zip(files) == {"Max_Müller-11": "11", "Max_Müller-12": "12"}
    third = {"Max Müller_13_assignsubmission_file_/a1_clipping.ipynb": written("13")}
    assert desk.zip(third)["Max_Müller"] == "13"
    assert desk.roster() == [
        "student,name,platform,assignment,id",
        *(f"Max_Müller{student},Max Müller,moodle,a1_clipping,{n}" for student, n in (("-11", 11), ("-12", 12), ("", 13))),
    ]


def test_moodles_number_changes_with_the_assignment_and_the_name_finds_the_student(desk):
    desk.zip({"Eve_9_assignsubmission_file_/a1_clipping.ipynb": written("a1")})
    desk.zip({"Eve_70_assignsubmission_file_/a2_schedules.ipynb": written("a2", OTHER)}, name=OTHER)
    assert (desk.taken(), desk.taken(OTHER)) == ({"Eve": "a1"}, {"Eve": "a2"})
    assert desk.roster()[1:] == ["Eve,Eve,moodle,a1_clipping,9", "Eve,Eve,moodle,a2_schedules,70"]


def test_a_name_that_two_students_share_is_not_guessed(desk):
    desk.zip({f"Max_{n}_assignsubmission_file_/a1_clipping.ipynb": written(f"{n}") for n in (11, 12)})
    later = {"Max_70_assignsubmission_file_/a2_schedules.ipynb": written("a2", OTHER)}
    assert desk.zip(later, name=OTHER) == {} and not desk.decided
    assert "several students are called Max; say in roster.csv which of them is number 70 in a2_schedules" in desk.lines[0]
    with (desk.into / "roster.csv").open("a") as roster:
        roster.write("Max-12,Max,moodle,a2_schedules,70\n")
    assert desk.zip(later, name=OTHER) == {"Max-12": "a2"} and desk.decided


def test_of_two_new_numbers_with_a_known_name_neither_is_guessed(desk):
    desk.zip({"Max_11_assignsubmission_file_/a1_clipping.ipynb": written("11")})
    later = {f"Max_{n}_assignsubmission_file_/a2_schedules.ipynb": written(f"{n}", OTHER) for n in (70, 71)}
    assert desk.zip(later, name=OTHER) == {} and not desk.decided
    assert len(desk.lines) == 2 and all("several students are called Max" in line for line in desk.lines)


def test_who_is_marked_blind_is_nobody_known(desk):
    desk.zip({"Participant_9_assignsubmission_file_/a1_clipping.ipynb": written("a1")})
    desk.zip({"Participant_70_assignsubmission_file_/a2_schedules.ipynb": written("a2", OTHER)}, name=OTHER)
    assert (desk.taken(), desk.taken(OTHER)) == ({"Participant": "a1"}, {"Participant-70": "a2"})


def test_canvas_number_stays_and_finds_a_student_of_another_name(desk):
    desk.zip({"doeeve_5_60_a1_clipping.ipynb": written("a1")})
    desk.zip({"smitheve_5_90_a2_schedules.ipynb": written("a2", OTHER)}, name=OTHER)
    assert desk.taken(OTHER) == {"doeeve": "a2"}


def test_names_that_differ_in_capitals_only_get_folders_that_differ_everywhere(desk):
    assert desk.zip({"Ada/a1_clipping.ipynb": written("A"), "ada/a1_clipping.ipynb": written("a")}) == {"Ada": "A", "ada-2": "a"}


@pytest.mark.parametrize(
    "name", ["=cmd|' /C calc'!A0", "+x", "@SUM(1)", "-1", "'quoted", "\tx", "🙂", "a" * 200, "हिन्दी", "con\x1b[31mtrol"]
)
def test_any_name_becomes_a_folder_and_no_formula(desk, name):
    path = f"{name}_9_assignsubmission_file_/a1_clipping.ipynb"
    (student,) = desk.zip({path: written("a1")})
    assert submissions.STUDENT.fullmatch(student) and len(student.encode()) <= 200
    row = desk.roster()[1].split(",", 1)[1].lstrip('"')
    assert not row.startswith(("=", "+", "-", "@", "\t"))
    assert all(line.isprintable() for line in desk.lines)
    assert desk.zip({path: written("again")}) == {student: "again"}, "the name is read back as it was"


def test_what_a_teacher_adds_to_the_roster_stays(desk):
    desk.zip({"doeeve_5_60_a1_clipping.ipynb": written("a1")})
    path = desk.into / "roster.csv"
    path.write_text("﻿student;name;platform;assignment;id;mail\neve;doeeve;canvas;;5;e@x.org\n", encoding="utf-8")
    desk.zip({"doeeve_5_60_a1_clipping.ipynb": written("a1"), "roe_6_61_a1_clipping.ipynb": written("roe's")})
    assert desk.roster() == [
        "student,name,platform,assignment,id,mail",
        "eve,doeeve,canvas,,5,e@x.org",
        "roe,roe,canvas,,6,",
    ]
    assert desk.taken()["eve"] == "a1"


@pytest.mark.parametrize(
    "text, told",
    [
        ("name,id\n", "has no column student, platform, assignment"),
        ("student,name,platform,assignment,id\n../x,x,canvas,,5\n", "row 2: student is '../x'"),
        ("student,name,platform,assignment,id\nJos\xe9,x,canvas,,5\n".encode("latin-1"), "is not in UTF-8"),
    ],
)
def test_a_roster_that_cannot_be_read_is_named_and_left_alone(desk, text, told):
    desk.into.mkdir()
    path = desk.into / "roster.csv"
    content = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(content)
    with pytest.raises(ValueError, match=told.replace("(", r"\(")):
        desk.zip({"ada/a1_clipping.ipynb": written("mine")})
    assert path.read_bytes() == content and desk.taken() == {}


# a second time


def test_a_newer_file_replaces_the_older_and_says_so(desk):
    desk.zip({"ada/a1_clipping.ipynb": written("first")}, date=EARLIER)
    assert desk.zip({"ada/a1_clipping.ipynb": written("second")}, date=LATER) == {"ada": "second"}
    assert desk.lines[0].endswith(
        "-> ada: replaces the one that was collected before, of 2026-05-01 12:00:00, by one of 2026-05-02 12:00:00"
    )
    assert desk.zip({"ada/a1_clipping.ipynb": written("first")}, date=EARLIER) == {"ada": "second"}
    assert "not taken" in desk.lines[0] and "a newer one is there, of 2026-05-02 12:00:00" in desk.lines[0]
    assert desk.zip({"ada/a1_clipping.ipynb": written("first")}, date=EARLIER, take=["ada/a1_clipping.ipynb"]) == {"ada": "first"}


def test_a_zip_that_notes_no_date_replaces_and_is_replaced(desk):
    nobody_knows = (1980, 1, 1, 0, 0, 0)
    desk.zip({"ada/a1_clipping.ipynb": written("first")}, date=EARLIER)
    assert desk.zip({"ada/a1_clipping.ipynb": written("second")}, date=nobody_knows) == {"ada": "second"}
    assert "replaces the one" in desk.lines[0]
    assert desk.zip({"ada/a1_clipping.ipynb": written("third")}, date=EARLIER) == {"ada": "third"}


def test_the_date_of_a_students_zip_is_when_it_was_handed_in(desk):
    desk.zip({"ada.zip": packed({"a1_clipping.ipynb": written("first")}, date=LATER)}, date=EARLIER)
    assert desk.zip({"ada.zip": packed({"a1_clipping.ipynb": written("second")}, date=EARLIER)}, date=LATER) == {"ada": "second"}


def test_the_same_again_changes_nothing(desk):
    desk.zip({"ada/a1_clipping.ipynb": written("mine")})
    before = {path: path.stat().st_mtime_ns for path in desk.into.rglob("*") if path.suffix in (".ipynb", ".csv")}
    desk.zip({"ada/a1_clipping.ipynb": written("mine")})
    assert desk.lines == ["there      ada/a1_clipping.ipynb -> ada: it was collected before"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_full_disk_or_a_stop_leaves_whole_files_and_the_next_time_completes(desk, monkeypatch, error):
    files = {f"doe{name}_{n}_6{n}_a1_clipping.ipynb": written(name) for n, name in enumerate("abc", 1)}
    desk.zip({"doeb_2_50_a1_clipping.ipynb": written("old")}, date=EARLIER)
    real, calls = os.replace, []

    def replace(source, target):
        if str(target).endswith(".ipynb"):
            calls.append(target)
            if len(calls) == 2:
                raise error
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        with pytest.raises(type(error)):
            desk.zip(files)
    assert desk.taken() == {"doea": "a", "doeb": "old"}
    assert not [path for path in desk.into.rglob(".*.ipynb.*")], "nothing half written is left"
    assert desk.zip(files) == {"doea": "a", "doeb": "b", "doec": "c"}


def test_what_changes_while_it_is_read_is_not_taken_for_what_was_looked_at(desk):
    given = desk.folder / "given"
    (given / "ada").mkdir(parents=True)
    notebook = given / "ada" / "a1_clipping.ipynb"
    notebook.write_bytes(written("first"))
    (given / "zzz.txt").touch()
    with pytest.raises(RuntimeError, match="changed while it was read; collect it again"):
        collect(NAME, given, desk.into, say=lambda line: notebook.write_bytes(written("second")))
    assert desk.taken() == {}


# what a zip may not do


def outside(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if "collected" not in path.parts)


@pytest.mark.parametrize(
    "path",
    [
        "../../ada/a1_clipping.ipynb",
        "/ada/a1_clipping.ipynb",
        "ada/../../a1_clipping.ipynb",
        "C:/ada/a1_clipping.ipynb",
        "C:ada/a1_clipping.ipynb",
        "..\\..\\ada\\a1_clipping.ipynb",
        "\\\\host\\share\\a1_clipping.ipynb",
        "../x_5_60_a1_clipping.ipynb",
        "../Eve_9_assignsubmission_file_/a1_clipping.ipynb",
    ],
)
def test_no_name_leads_out_of_a_zip(desk, path):
    files = {path: written("evil"), "bob/a1_clipping.ipynb": written("bob's")}
    assert desk.zip(files) == {"bob": "bob's"} and not desk.decided
    assert any(line.startswith("not taken") and line.endswith("its path leads out of the zip") for line in desk.lines)
    assert outside(desk.folder) == ["given.zip"]


@pytest.mark.parametrize("part", ["..", ".", "..."])
def test_a_student_is_never_a_way_out(desk, part):
    assert set(desk.zip({f"{part}_9_assignsubmission_file_/a1_clipping.ipynb": written("x")})) == {"9"}
    assert outside(desk.folder) == ["given.zip"]


@pytest.mark.parametrize("part", [" ", "_1", "(", ".zip", "a1_clipping"])
def test_a_name_that_no_file_could_have_is_not_looked_at_for_long(desk, part):
    path = part * (60_000 // len(part)) + "_5_60_a1_clipping.ipynb"
    assert desk.zip({path: written("x"), "bob/a1_clipping.ipynb": written("bob's")}) == {"bob": "bob's"} and not desk.decided
    assert any(line.endswith("its name is too long") and len(line) < 300 for line in desk.lines)


def test_a_link_in_a_zip_is_not_followed(desk):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("ada/a1_clipping.ipynb", LATER)
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert desk.zip(stream.getvalue()) == {} and not desk.decided
    assert desk.said("ada/").endswith("it is a link, not a file")


def test_a_link_in_a_folder_is_not_followed(desk):
    secret = desk.folder / "secret.ipynb"
    secret.write_bytes(written("secret"))
    (desk.folder / "given" / "ada").mkdir(parents=True)
    (desk.folder / "given" / "ada" / "a1_clipping.ipynb").symlink_to(secret)
    (desk.folder / "given" / "bob").symlink_to(desk.folder / "given" / "ada")
    os.mkfifo(desk.folder / "given" / "eve.ipynb")
    assert desk.collect(desk.folder / "given") == {} and not desk.decided
    assert [line.rsplit(": ")[-1] for line in desk.lines] == ["it is a link, not a file"] * 2 + ["it is no plain file"]


def test_a_link_among_the_collected_is_not_written_through(desk):
    elsewhere = desk.folder / "elsewhere"
    elsewhere.mkdir()
    desk.into.mkdir()
    (desk.into / "ada").symlink_to(elsewhere)
    desk.zip({"ada/a1_clipping.ipynb": written("mine")})
    assert not list(elsewhere.iterdir()) and "that folder is a link" in desk.lines[0]


def test_what_unpacks_to_too_much_is_refused_and_costs_the_others_nothing(desk, monkeypatch):
    monkeypatch.setattr(archives, "LARGEST_NOTEBOOK", 3 << 20)
    files = {
        "ratio/a1_clipping.ipynb": b"0" * (2 << 20),
        "size/a1_clipping.ipynb": os.urandom(2 << 20).hex().encode(),
        "bob/a1_clipping.ipynb": written("bob's"),
    }
    assert desk.zip(files) == {"bob": "bob's"} and not desk.decided
    assert desk.said("ratio/").endswith("it is packed more than 200 to 1, as zip bombs are")
    assert desk.said("size/").endswith("it is larger than 3 MB")


def test_a_zip_that_lies_about_sizes_is_caught_in_reading(desk):
    data = packed({"ada/a1_clipping.ipynb": b"0" * (2 << 20), "bob/a1_clipping.ipynb": written("bob's")})
    size = (2 << 20).to_bytes(4, "little")
    assert data.count(size) == 2
    assert desk.zip(data.replace(size, (1000).to_bytes(4, "little"))) == {"bob": "bob's"}
    assert desk.said("ada/").endswith("it is damaged; download it again")


def test_too_many_files_or_too_much_in_a_students_zip_stop_that_zip_alone(desk, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES_INNER", 10)
    monkeypatch.setattr(archives, "MOST_BYTES_INNER", 3 * len(BLANK))
    files = {
        "many.zip": packed({f"{n}.txt": b"" for n in range(11)}),
        "much.zip": packed({f"{n}/a1_clipping.ipynb": written(f"{n}") for n in range(4)}),
        "bob.zip": packed({"a1_clipping.ipynb": written("bob's")}),
    }
    assert desk.zip(files) == {"bob": "bob's"} and not desk.decided
    assert desk.said("many.zip").endswith("it holds more than 10 files")
    assert any("what was packed with it is too large" in line for line in desk.lines)


def test_one_zip_with_too_many_files_in_a_folder_leaves_the_others_theirs(desk, monkeypatch):
    monkeypatch.setattr(archives, "MOST_FILES", 10)
    packs = {f"{name}.zip": packed({"a1_clipping.ipynb": written(name)} | {f"{n}.txt": b"" for n in range(8)}) for name in "abc"}
    many = packed({f"{n}.txt": b"" for n in range(11)})
    assert desk.tree({"0.zip": many, **packs}) == {"a": "a", "b": "b", "c": "c"} and not desk.decided
    assert desk.said("0.zip").endswith("it holds more than 10 files")


def test_zips_in_each_other_are_opened_no_deeper_than_people_pack_them(desk):
    inner = packed({"a1_clipping.ipynb": written("mine")})
    assert desk.zip({"ada.zip": packed({"a1_clipping.zip": inner})}) == {"ada": "mine"}
    for _ in range(3):
        inner = packed({"more.zip": inner})
    assert "eve" not in desk.zip({"eve.zip": inner}) and not desk.decided
    assert desk.said("eve.zip/more.zip/").endswith("it is a zip within 3 others")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_only_packings_whose_reading_can_be_stopped_are_read(desk, method):
    assert desk.zip({"ada/a1_clipping.ipynb": written("mine")}, method=method) == {}
    assert desk.said("ada/").endswith("it is packed in an unusual way; pack it again as an ordinary zip")


def test_a_locked_file_and_a_damaged_one_are_named(desk):
    data = bytearray(packed({"ada/a1_clipping.ipynb": written("mine"), "bob/a1_clipping.ipynb": written("bob's")}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    middle = data.index(b"bob/a1") + 1000
    data[middle : middle + 20] = bytes(20)
    assert desk.zip(bytes(data)) == {} and not desk.decided
    assert desk.said("ada/").endswith("it is locked with a password") and desk.said("bob/").endswith(
        "it is damaged; download it again"
    )


@pytest.mark.parametrize("data", [b"", b"<html>log in first</html>", packed({"a": b"x" * 99})[:-30]])
def test_a_zip_that_is_none_is_named(desk, data):
    assert desk.zip(data) == {} and not desk.decided
    assert desk.lines == ["not taken  given.zip: it is no zip file that can be opened; download it again"]


# the command


def test_the_command_prints_its_lines_and_ends_with_one_while_somebody_must_decide(desk, capsys):
    path = desk.folder / "given.zip"
    path.write_bytes(packed(TWO))
    command = ["collect", NAME, str(path), "--into", str(desk.into)]
    assert main(command) == 1
    assert capsys.readouterr().out.splitlines()[-1] == f"Submissions and roster.csv: {desk.into}; some files above wait for you"
    assert main([*command, "--take", "ada/a1_clipping.ipynb"]) == 0
    assert "taken      ada/a1_clipping.ipynb -> ada\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name, source, into, told",
    [
        ("a9", ".", "out", "ASSIGNMENT is 'a9'; the assignments are a1_clipping,"),
        (NAME, "none", "out", "none does not exist; name a folder, a zip file or a notebook"),
        (NAME, ".", "out", "--into is out and what is collected is .; neither may lie in the other"),
    ],
)
def test_a_mistake_in_the_command_is_one_sentence(tmp_path, monkeypatch, capsys, name, source, into, told):
    monkeypatch.chdir(tmp_path)
    assert main(["collect", name, source, "--into", into]) == 2
    assert told in capsys.readouterr().err and not os.listdir(tmp_path)


def test_a_collected_file_has_the_date_of_what_was_handed_in(desk):
    desk.zip({"ada/a1_clipping.ipynb": written("mine")}, date=EARLIER)
    assert datetime.fromtimestamp((desk.into / "ada" / NAME / f"{NAME}.ipynb").stat().st_mtime) == datetime(*EARLIER)
