"""`autograder`: what its commands print, and with which status they end."""

import errno
import json
import os
import signal
from pathlib import Path

import pytest

from autograder import course, grading, release, trial
from autograder.bank import Answer
from autograder.cli import main
from autograder.judge import Mark
from autograder.sandbox import host
from autograder.trial import Trial, Verdict
from tests.autograder.toy import NAME, Here


@pytest.mark.parametrize("error", [ValueError("no such name"), OSError("no such name"), RuntimeError("no such name")])
def test_a_mistake_is_one_sentence_and_status_two(monkeypatch, capsys, error):
    def fail(*arguments):
        raise error

    monkeypatch.setattr(release, "release", fail)
    assert main(["release", "a9"]) == 2
    assert capsys.readouterr().err == "autograder: no such name\n"


def test_a_bug_is_not_passed_off_as_a_mistake(monkeypatch):
    monkeypatch.setattr(release, "release", lambda *arguments: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["release"])


@pytest.mark.parametrize(
    "arguments", [[], ["grade", NAME], ["grade", "--submissions", "x"], ["grade", NAME, "--jobs", "x"], ["mark"]]
)
def test_a_command_that_cannot_be_read_shows_how_it_is_written(arguments, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2 and "usage: autograder" in capsys.readouterr().err


def test_commands_are_read_from_the_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["autograder", "release", "--check"])
    monkeypatch.setattr(release, "release", lambda names, check, shuffle: [])
    assert main() == 0 and "exactly what solutions/ gives" in capsys.readouterr().out


# release


@pytest.mark.parametrize(
    "arguments, found, status, said",
    [
        (["release"], ["a", "b"], 0, "Wrote a\nWrote b\n"),
        (["release"], [], 0, "exercises/ is exactly what solutions/ gives.\n"),
        (["release", "--check"], ["a"], 1, "a differs from its source\n"),
        (["release", "--check"], [], 0, "exercises/ is exactly what solutions/ gives.\n"),
    ],
)
def test_what_a_release_says(monkeypatch, capsys, arguments, found, status, said):
    monkeypatch.setattr(release, "release", lambda names, check, shuffle: found)
    assert main(arguments) == status and capsys.readouterr().out == said


@pytest.mark.parametrize(
    "arguments, given",
    [
        ([], ([], False, False)),
        (["a1", "a2"], (["a1", "a2"], False, False)),
        (["--check"], ([], True, False)),
        (["--shuffle", "a1"], (["a1"], False, True)),
    ],
)
def test_what_a_release_is_told(monkeypatch, arguments, given):
    told = []
    monkeypatch.setattr(release, "release", lambda *arguments: told.append(arguments) or [])
    main(["release", *arguments])
    assert told == [given]


# grade

QUESTIONS = {
    "own_words": {"score": 0.0, "max": 3.0, "manual": True, "feedback": ["Graded by hand."]},
    "double": {"score": 2.0, "max": 4.0, "manual": False, "feedback": ["You lose [b]the sign[/b].", "More."]},
}
STUDENTS = {
    "ada": {"status": "graded", "problem": "", "score": 2.5, "max": 8.0, "questions": QUESTIONS},
    "bob": {"status": "missing", "problem": "It was not handed in.", "score": 0.0, "max": 8.0, "questions": QUESTIONS},
    "cyd": {"status": "graded", "problem": "", "score": 8.0, "max": 8.0, "questions": {}},
}
REFUSED = {"status": "refused", "problem": "That is no name.", "score": 0.0, "max": 0.0, "questions": {}}


@pytest.fixture
def graded(monkeypatch):
    """Grading that gives a report at once, and what it was told."""
    told = {"students": dict(STUDENTS), "warnings": [], "box": Here()}

    def grade(name, folder, **options):
        told.update(name=name, folder=folder, **options)
        told["sandbox"] = options["start"]()
        for sentence in told["warnings"]:
            options["warn"](sentence)
        for done in range(2):
            options["progress"]("Grading", done + 1, 2)
        if isinstance(told["students"], BaseException):
            raise told["students"]
        return {"assignment": name, "students": told["students"]}

    monkeypatch.setattr(grading, "grade", grade)
    monkeypatch.setattr(host, "Sandbox", lambda: told["box"])
    monkeypatch.setenv("COLUMNS", "150")
    return told


def test_a_graded_class_is_shown_as_a_table(graded, tmp_path, capsys):
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path / "grading")]) == 0
    out = capsys.readouterr().out
    lines = {line.split()[1]: line for line in out.splitlines() if line.startswith("│")}
    assert "graded" in lines["ada"] and "2.5 of 8" in lines["ada"] and "You lose [b]the sign[/b]." in lines["ada"]
    assert "More." not in out and "by hand" not in out  # the first sentence that is the grader's
    assert "0 of 8" in lines["bob"] and "It was not handed in." in lines["bob"] and "8 of 8" in lines["cyd"]
    assert f"Gradebook, feedback pages and grades.csv: {tmp_path / 'grading'}" in out and "Report:" not in out
    assert graded["sandbox"] is graded["box"] and graded["box"].closed == 1


def test_where_things_are_and_how_many_at_once(graded, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(course, "WORKDIR", tmp_path / "default")
    main(["grade", NAME, "--submissions", "class"])
    assert (graded["name"], graded["folder"], graded["workdir"]) == (NAME, tmp_path / "class", tmp_path / "default")
    assert graded["jobs"] == os.cpu_count() and graded["dask"] is None
    main(["grade", NAME, "--submissions", "class", "--workdir", "grading", "--jobs", "1", "--dask", "tcp://here:8786"])
    assert graded["workdir"] == tmp_path / "grading" and (graded["jobs"], graded["dask"]) == (1, "tcp://here:8786")


def test_where_nobody_knows_how_many_cores_there_are_one_is_used(graded, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)])
    assert graded["jobs"] == 1


@pytest.mark.parametrize("jobs", ["0", "-1"])
def test_no_jobs_at_all_are_refused(graded, tmp_path, capsys, jobs):
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--jobs", jobs]) == 2
    assert f"--jobs is {jobs}; it must be at least 1" in capsys.readouterr().err


def test_a_report_is_written_where_it_was_asked_for(graded, tmp_path, capsys):
    report = tmp_path / "new" / "report.json"
    main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path), "--report", str(report)])
    assert json.loads(report.read_text()) == {"assignment": NAME, "students": STUDENTS}
    assert report.read_text().startswith('{\n "assignment"') and report.read_text().endswith("}\n")
    assert f"Report: {report}" in capsys.readouterr().out


def test_a_report_that_cannot_be_written_is_found_before_the_grading(graded, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("a file where the folder would be: refused to everybody, root too")
    for report, said in (
        (tmp_path, f"--report is {tmp_path}, which is not a file"),
        ("/dev/null", "--report is /dev/null, which is not a file"),
        (file / "report.json", f"{file} cannot be written to"),
        (file / "new" / "report.json", f"{file}/new cannot be written to"),
    ):
        assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path), "--report", str(report)]) == 2
        printed = capsys.readouterr().err
        assert said in printed and len(printed.splitlines()) == 1
    assert "name" not in graded and graded["box"].closed == 0


def test_a_report_for_which_there_is_no_room_any_more_costs_nobody_the_table(graded, tmp_path, capsys, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    report = tmp_path / "report.json"
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path), "--report", str(report)]) == 2
    said = capsys.readouterr()
    assert "2.5 of 8" in said.out and f"autograder: {tmp_path} is full" in said.err and not report.exists()


def test_ctrl_c_is_one_sentence_and_status_130(graded, tmp_path, capsys, monkeypatch):
    graded["students"] = KeyboardInterrupt()
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)]) == 130
    assert "autograder: stopped; what is graded so far is kept, and the same command goes on" in capsys.readouterr().err
    assert graded["box"].closed == 1

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(release, "release", stop)
    assert main(["release"]) == 130 and capsys.readouterr().err == "\nautograder: stopped\n"


def test_processes_of_the_sandbox_do_not_hear_ctrl_c(graded, tmp_path, monkeypatch):
    blocked = []
    monkeypatch.setattr(host, "Sandbox", lambda: blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, [])) or graded["box"])
    main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)])
    assert signal.SIGINT in blocked[0] and signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_a_student_who_was_refused_makes_status_one(graded, tmp_path, capsys):
    graded["students"]["=cmd"] = REFUSED
    graded["warnings"] = ["'=cmd' is refused: [red]That is no name."]
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "That is no name." in said.out and "'=cmd' is refused: [red]That is no name." in said.err


def test_how_far_it_is_goes_to_the_terminal_and_not_into_the_table(graded, tmp_path, capsys):
    main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)])
    said = capsys.readouterr()
    assert said.err.count("Grading") == 1 and "100%" in said.err and "Grading" not in said.out


def test_the_sandbox_ends_with_a_batch_that_failed(graded, tmp_path, capsys):
    graded["students"] = RuntimeError("the reference of toy fails")
    assert main(["grade", NAME, "--submissions", str(tmp_path), "--workdir", str(tmp_path)]) == 2
    assert graded["box"].closed == 1 and "the reference of toy fails" in capsys.readouterr().err


# bank


def verdict(name, share, caught, problem=None, feedback=(), question="double"):
    answer = Answer(NAME, question, name, name.startswith("right"), "A sentence.", "")
    return Verdict(answer, Mark(share, feedback), caught, problem)


def tried(*problems, verdicts=()):
    return Trial(tuple(verdicts), {"double": ("small", "negative"), "near": ("closest",)}, problems)


def test_the_bank_on_trial_is_shown_question_by_question(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "120")
    verdicts = [
        verdict("wrong_positive", 0.5, ("negative",), feedback=("You lose the sign.", "More.")),
        verdict("wrong_both", 0.0, ("small", "negative"), problem="is told nothing", feedback=("You lose it.",)),
        verdict("right_sum", 1.0, ()),
        verdict("wrong_far", 0.0, ("closest",), feedback=("You stop.",), question="near"),
    ]
    monkeypatch.setattr(trial, "try_bank", lambda name: tried("double/wrong_both: is told nothing", verdicts=verdicts))
    assert main(["bank", NAME]) == 1
    said = capsys.readouterr()
    lines = [" ".join(line.split()) for line in said.out.splitlines()]
    double, near = lines.index("toy/double"), lines.index("toy/near")
    for line in (
        "wrong_positive 50% 2 You lose the sign.",
        "wrong_both 0% 1 2 is told nothing",
        "right_sum 100%",
        "1 small catches 1",
        "2 negative catches 2",
    ):
        assert double < lines.index(line) < near, line
    assert "answer share caught by first sentence" in lines
    assert lines.index("wrong_far 0% 1 You stop.") > near and lines.index("1 closest catches 1") > near
    assert said.err == "double/wrong_both: is told nothing\n"


def test_what_the_grader_did_wrong_is_red_and_a_long_sentence_is_cut(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    long = "You lose the sign of every number, " * 5
    verdicts = [verdict("wrong_a", 0.5, (), feedback=(long,)), verdict("wrong_b", 0.0, (), problem="is told nothing")]
    monkeypatch.setattr(trial, "try_bank", lambda name: tried("bad", verdicts=verdicts))
    main(["bank", NAME])
    fine, bad = (line for line in capsys.readouterr().out.splitlines() if "wrong_" in line)
    assert "\x1b[31m" in bad and "\x1b[31m" not in fine
    assert fine.split()[:2] == ["wrong_a", "50%"] and "You lose the sign" in fine and "…" in fine and "is told nothing" in bad


def test_without_a_name_every_bank_is_tried(monkeypatch, capsys):
    from autograder import bank

    names = []
    monkeypatch.setattr(bank, "assignments", lambda: ("a", "b"))
    monkeypatch.setattr(trial, "try_bank", lambda name: names.append(name) or tried())
    assert main(["bank"]) == 0 and names == ["a", "b"]
    names.clear()
    monkeypatch.setattr(trial, "try_bank", lambda name: names.append(name) or tried(*(["bad"] if name == "c" else [])))
    assert main(["bank", "c", "d"]) == 1 and names == ["c", "d"]
    assert capsys.readouterr().err == "bad\n"


def test_mistakes_in_the_command_get_one_sentence(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(host, "Sandbox", Here)
    for arguments, said in (
        (["grade", "a9", "--submissions", str(tmp_path)], "NAME is 'a9'"),
        (["grade", "a1_clipping", "--submissions", str(tmp_path / "none")], "not a folder"),
        (["grade", "a1_clipping", "--submissions", str(tmp_path)], "holds no student"),
        (["grade", "a1_clipping", "--submissions", str(tmp_path), "--jobs", "0"], "--jobs is 0"),
        (["bank", "a9"], "NAME is 'a9'"),
        (["release", "a9"], "NAME is 'a9'"),
    ):
        assert main(arguments) == 2
        assert said in capsys.readouterr().err
    assert list(Path(tmp_path).iterdir()) == []
