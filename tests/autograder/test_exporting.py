"""`autograder export`: what Moodle and Canvas are given to import."""

import csv
import io
import shutil
import subprocess
import sys

import pytest
from nbgrader.api import Gradebook

from autograder import gradebook
from autograder.cli import main
from autograder.exporting import export
from autograder.journal import Entry, Journal

NAME = "a1_clipping"
ROSTER = """student,name,platform,assignment,id
ada,"Lovelace, Ada",moodle,a1_clipping,101
ada,"Lovelace, Ada",moodle,a2_schedules,909
bob,Bob,moodle,a1_clipping,102
eve,Eve,moodle,a1_clipping,103
OBrien,'=OBrien,moodle,a1_clipping,104
ada,lovelaceada,canvas,,5
bob,bob,canvas,,6
eve,eve,canvas,,7
OBrien,obrien,canvas,,8
"""
CODE, WORDS = "clip_grad_norm", "own_words"


@pytest.fixture(scope="session")
def graded(tmp_path_factory):
    """A gradebook: ada has 8 and 2.125 of 3 by hand, bob waits to be graded by hand, eve handed in nothing."""
    folder = tmp_path_factory.mktemp("graded")
    gradebook.create(folder / "gradebook.db")
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}", "stabilitylab") as book:
        book.add_assignment(NAME)
        book.add_notebook(NAME, NAME)
        book.add_grade_cell(CODE, NAME, NAME, max_score=23, cell_type="code")
        book.add_grade_cell(WORDS, NAME, NAME, max_score=3, cell_type="markdown")
        for student, code, words in (("ada", 8.0, 2.125), ("bob", 23.0, None), ("eve", 0.0, 0.0), ("OBrien", 20.0, 3.0)):
            book.update_or_create_student(student)
            book.add_submission(NAME, student)
            grade = book.find_grade(CODE, NAME, NAME, student)
            grade.auto_score, grade.needs_manual_grade = code, False
            grade = book.find_grade(WORDS, NAME, NAME, student)
            grade.manual_score, grade.needs_manual_grade = words, words is None
        book.db.commit()
    for student, status in (("ada", "graded"), ("bob", "graded"), ("eve", "missing"), ("OBrien", "graded")):
        journal(folder, student, status)
    return folder


def journal(workdir, student, status):
    Journal(workdir / "marks" / NAME, NAME).write(student, Entry(status, {}, "key"))


class Desk:
    def __init__(self, folder, graded):
        self.folder, self.workdir = folder, folder / "grading"
        self.submissions, self.target = folder / "collected", folder / "out.csv"
        shutil.copytree(graded, self.workdir)
        self.submissions.mkdir()
        (self.submissions / "roster.csv").write_text(ROSTER, encoding="utf-8")

    def export(self, platform, text=None, **options):
        """The rows of what was written."""
        self.lines = []
        if text is not None:
            options["gradebook"] = self.folder / "given.csv"
            options["gradebook"].write_bytes(text.encode() if isinstance(text, str) else text)
        self.complete = export(
            NAME, platform, self.submissions, self.target, workdir=self.workdir, say=self.lines.append, **options
        )
        self.text = self.target.read_bytes().decode()
        return list(csv.reader(io.StringIO(self.text.removeprefix(BOM), newline=""), delimiter=options.get("delimiter", ",")))

    def grade_by_hand(self, student, points):
        with Gradebook(f"sqlite:///{self.workdir / 'gradebook.db'}", "stabilitylab") as book:
            grade = book.find_grade(WORDS, NAME, NAME, student)
            grade.manual_score, grade.needs_manual_grade = points, False
            book.db.commit()


@pytest.fixture
def desk(tmp_path, graded):
    return Desk(tmp_path, graded)


BOM = "\N{BYTE ORDER MARK}"
WORKSHEET = """Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback comments
Participant 104,=OBrien,o@x.org,Submitted,,26.00,-,
Participant 102,Bob,b@x.org,Submitted,1.00,26.00,-,-1 for style
Participant 101,"Lovelace, Ada",a@x.org,Submitted,,26.00,-,
Participant 103,Eve,e@x.org,No submission,-,26.00,-,
Participant 999,Zoë,z@x.org,No submission,,26.00,-,
"""
CANVAS = f'''{BOM}Student,ID,SIS User ID,SIS Login ID,Section,notes,a1_clipping (77),a2_schedules (78),Final Score
,,,,,,Manual Posting,,
    Points Possible,,,,,,26.00,32.00,(read only)
"Lovelace, Ada",5,s5,ada@x.org,B,x,,9.00,50
"Bob",6,s6,+bob@x.org,B,,1.00,9.00,50
"=""=Brien, O""",8,s8,=cmd(),B,,,9.00,50
"Student, Test",99,,,B,,,,
'''


def test_moodles_worksheet_gets_the_points_and_keeps_the_rest(desk):
    before = list(csv.reader(io.StringIO(WORKSHEET)))
    rows = desk.export("moodle", WORKSHEET)
    assert [row[4] for row in rows] == ["Grade", "23", "1.00", "10.125", "-", ""]
    assert [row[:1] + row[2:4] + row[5:] for row in rows] == [row[:1] + row[2:4] + row[5:] for row in before]
    assert [row[1] for row in rows[1:]] == ["'=OBrien", "Bob", "Lovelace, Ada", "Eve", "Zoë"]


def test_who_gets_no_points_is_named_with_the_reason(desk):
    desk.export("moodle", WORKSHEET)
    assert desk.lines == [
        "bob: no points written, an answer waits to be graded by hand; grade it in formgrader and export again",
        "eve: no points written, nothing was handed in",
        "Zoë: left as it is, handed in nothing that was graded",
    ]
    assert not desk.complete


def test_points_given_by_hand_since_count(desk):
    desk.grade_by_hand("bob", 1.5)
    assert [row[4] for row in desk.export("moodle", WORKSHEET)][2] == "24.5"


def test_canvas_gradebook_goes_back_with_the_column_that_changed_and_no_other(desk):
    rows = desk.export("canvas", CANVAS)
    assert desk.text.startswith(f"{BOM}Student,")
    assert rows == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "a1_clipping (77)"],
        ["", "", "", "", "", "Manual Posting"],
        ["    Points Possible", "", "", "", "", "26.00"],
        ["Lovelace, Ada", "5", "s5", "ada@x.org", "B", "10.125"],
        ["Bob", "6", "s6", "+bob@x.org", "B", "1.00"],
        ['\'="=Brien, O"', "8", "s8", "'=cmd()", "B", "23"],
        ["Student, Test", "99", "", "", "B", ""],
    ]
    assert "Student, Test: left as it is, handed in nothing that was graded" in desk.lines


def test_without_the_platforms_file_the_roster_lists_who_has_points(desk):
    assert desk.export("moodle") == [
        ["Identifier", "Full name", "Grade", "Last modified (grade)"],
        ["Participant 104", "'=OBrien", "23", "-"],
        ["Participant 101", "Lovelace, Ada", "10.125", "-"],
    ]
    assert desk.export("canvas") == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "a1_clipping"],
        ["    Points Possible", "", "", "", "", "26"],
        ["obrien", "8", "", "", "", "23"],
        ["lovelaceada", "5", "", "", "", "10.125"],
    ]


def test_a_number_that_the_platform_does_not_have_is_no_reason_to_guess_by_name(desk):
    text = WORKSHEET.replace("Participant 101", "Participant 909")  # ada's number in another assignment, and her name
    assert [row[4] for row in desk.export("moodle", text)] == ["Grade", "23", "1.00", "", "-", ""]
    assert f"ada: no points written (10.125), nobody in {desk.folder / 'given.csv'} could be matched" in desk.lines


@pytest.mark.parametrize(
    "row, found",
    [
        ("Participant 1,Ada,ada,x", True),  # the folder's name is a login
        ("Participant 1,ÁDA,,x", False),
        ("Participant 1,Ada Lovelace,,x", True),  # a name, whatever stands between its parts
        ("Participant 1,Ada Lovelace,,x\nParticipant 2,Ada_Lovelace,,x", False),  # two of that name
    ],
)
def test_who_was_collected_by_name_is_matched_by_what_one_row_alone_has(desk, row, found):
    (desk.submissions / "roster.csv").write_text("student,name,platform,assignment,id\nada,Ada Lovelace,folder,,Ada Lovelace\n")
    rows = desk.export("moodle", f"Identifier,Full name,Username,Grade\n{row}\n")
    assert [row[3] for row in rows[1:]] == (["10.125"] if found else ["x"] * len(rows[1:]))
    assert any(line.startswith("ada: no points written (10.125)") for line in desk.lines) != found


def test_a_name_does_not_take_the_row_of_a_number(desk):
    roster = "student,name,platform,assignment,id\nada,Ada,folder,,Ada\nOBrien,Ada,moodle,a1_clipping,1\n"
    (desk.submissions / "roster.csv").write_text(roster)
    assert desk.export("moodle", "Identifier,Full name,Grade\nParticipant 1,Ada,\n")[1] == ["Participant 1", "Ada", "23"]


def test_a_row_that_two_students_could_be_is_neithers(desk):
    roster = "student,name,platform,assignment,id\nada,Max,folder,,ada\nOBrien,Max,folder,,OBrien\n"
    (desk.submissions / "roster.csv").write_text(roster)
    assert desk.export("moodle", "Identifier,Full name,Grade\nParticipant 1,Max,x\n")[1] == ["Participant 1", "Max", "x"]


def test_moodles_gradebook_is_filled_in_by_mail_address_or_name(desk):
    text = "First name,Last name,Email address,Assignment: a1_clipping (Real)\nO,Brien,obrien,-\nAda,L,ada,-\n"
    assert [row[3] for row in desk.export("moodle", text)[1:]] == ["23", "10.125"]


def test_a_worksheet_in_another_language_and_with_semicolons_is_read(desk):
    text = f"{BOM}ID;Vollständiger Name;Bewertung;Zuletzt geändert (Bewertung)\nTeilnehmer/in101;Ada;;-\n"
    rows = desk.export("moodle", text, column="Bewertung")
    assert desk.text == text.replace("Ada;;", "Ada;10.125;").replace("\n", "\r\n") and rows


def test_what_is_handed_in_and_not_graded_is_named(desk):
    path = desk.submissions / "zoe" / NAME / f"{NAME}.ipynb"
    path.parent.mkdir(parents=True)
    path.touch()
    desk.export("canvas")
    assert "zoe: no points written, not graded yet; run autograder grade" in desk.lines and not desk.complete


def test_an_unreadable_submission_gets_no_zero(desk):
    journal(desk.workdir, "ada", "unreadable")
    assert "10.125" not in str(desk.export("canvas"))
    assert "ada: no points written, what was handed in is unreadable" in desk.lines


def test_who_is_not_in_the_journal_gets_no_zero(desk):
    (desk.workdir / "marks" / NAME / "eve.json").unlink()
    assert "eve" not in str(desk.export("canvas"))
    assert "eve: no points written, the marks are not in the journal any more; run autograder grade again" in desk.lines


@pytest.mark.parametrize("platform, text", [("moodle", WORKSHEET), ("canvas", CANVAS)])
def test_another_maximum_on_the_platform_is_said(desk, platform, text):
    desk.export(platform, text.replace("26.00", "100.00"))
    assert desk.lines[0] == (
        f"{platform.capitalize()} gives up to 100 points for a1_clipping, which has 26: set it to 26 there before the import, "
        "for points are written as they are"
    )


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", " =1", "＝1"])
def test_no_name_becomes_a_formula(desk, name):
    text = f'Identifier,Full name,Email address,Online text,Grade\nParticipant 101,"{name}","{name}!A1","{name}!A1",\n'
    row = desk.export("moodle", text)[1]
    assert row == ["Participant 101", f"'{name}", f"'{name}!A1", f"'{name}!A1", "10.125"]


@pytest.mark.parametrize(
    "platform, text, told",
    [
        ("moodle", "a,b\n1,2\n", "is no grading worksheet of Moodle"),
        ("moodle", WORKSHEET.replace("Grade,M", "Note,M"), "no column is called a1_clipping; choose one"),
        ("canvas", "a,b\n1,2\n", "is no gradebook of Canvas"),
        ("canvas", CANVAS.replace("a1_clipping (77)", "Week 1 (77)"), "no column is called a1_clipping; choose one"),
        ("canvas", CANVAS.replace("a2_schedules", "a1_clipping"), "several columns are called a1_clipping; choose one"),
        ("canvas", "", "holds no student"),
        ("canvas", CANVAS.encode("utf-16"), "is not in UTF-8"),
    ],
)
def test_a_file_that_is_not_as_the_platform_writes_it_is_named_and_nothing_written(desk, platform, text, told):
    with pytest.raises(ValueError, match=told):
        desk.export(platform, text)
    assert not desk.target.exists()


def test_a_column_of_another_title_is_filled_in_if_it_is_named(desk):
    for title in ("Week 1", "Week 1 (77)"):
        rows = desk.export("canvas", CANVAS.replace("a1_clipping (77)", "Week 1 (77)"), column=title)
        assert [row[5] for row in rows][:4] == ["Week 1 (77)", "Manual Posting", "26.00", "10.125"]


def test_without_a_gradebook_nothing_is_made(desk):
    (desk.workdir / "gradebook.db").unlink()
    with pytest.raises(ValueError, match=r"holds no gradebook.db; run autograder grade a1_clipping first"):
        desk.export("canvas")
    assert not (desk.workdir / "gradebook.db").exists() and not desk.target.exists()


def test_a_damaged_gradebook_is_named(desk):
    (desk.workdir / "gradebook.db").write_bytes(b"no database" * 1000)
    with pytest.raises(RuntimeError, match=r"gradebook.db is damaged"):
        desk.export("canvas")
    assert not desk.target.exists()


def test_an_assignment_that_was_not_graded_is_named(desk, capsys):
    command = ["export", "a9", "--for", "canvas", "--submissions", str(desk.submissions), "--workdir", str(desk.workdir)]
    assert main(command) == 2
    assert "gradebook.db holds no a9; run autograder grade a9 first" in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_not_made(desk):
    desk.submissions = desk.folder / "typo"
    with pytest.raises(ValueError, match=r"--submissions is .*typo, which is not a folder"):
        desk.export("canvas")
    assert not desk.submissions.exists()


def test_a_students_long_text_in_a_worksheet_is_no_obstacle(desk):
    text = "Identifier,Full name,Online text,Grade\nParticipant 101,Ada," + "x" * 200_000 + ",,more\n"
    assert desk.export("moodle", text)[1][3:] == ["10.125", "more"]


def test_help_needs_neither_pytorch_nor_nbgrader():
    code = (
        "import sys; from autograder.cli import main\n"
        "for command in ([], ['collect'], ['export']):\n"
        "    try: main([*command, '--help'])\n"
        "    except SystemExit: pass\n"
        "sys.exit(str({'torch', 'nbgrader', 'nbformat'} & set(sys.modules) or ''))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stderr.strip() == ""


def test_the_command_writes_beside_the_roster(desk, capsys):
    command = ["export", NAME, "--for", "canvas", "--submissions", str(desk.submissions), "--workdir", str(desk.workdir)]
    assert main(command) == 1  # bob waits
    target = desk.submissions / "a1_clipping-canvas.csv"
    assert capsys.readouterr().out.endswith(f"Points for Canvas: {target}\n") and target.is_file()
    desk.grade_by_hand("bob", 3)
    journal(desk.workdir, "eve", "graded")
    assert main([*command, "--to", str(desk.target)]) == 0
    assert desk.target.read_text().splitlines()[-1] == "eve,7,,,,0"
