import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from stabilitylab import workspace
from stabilitylab.cli import main
from stabilitylab.workspace import write_atomically

WRITES = """
import os
from pathlib import Path

def test_a_subprocess_of_a_test(work_folder):
    work_folder.mkdir()
    (work_folder / "checks.json").write_text("{}")
    WRITE
"""


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_atomically(path, "\udcff")
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_full_disk_leaves_the_old_file_and_is_named_with_what_would_do(tmp_path, monkeypatch):
    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "file.txt"
    write_atomically(path, "old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(workspace.NotWritable, match=rf"^{tmp_path} is full \(No space left on device\); make room") as refusal:
        write_atomically(path, "new")
    assert refusal.value.errno == errno.ENOSPC
    assert path.read_text() == "old" and [p.name for p in tmp_path.iterdir()] == ["file.txt"]


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which file is meant")
def test_a_file_is_on_the_disk_before_it_takes_the_place_of_the_old_one(tmp_path, monkeypatch):
    path, kept = tmp_path / "file.txt", []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda descriptor: kept.append(os.readlink(f"/proc/self/fd/{descriptor}")) or sync(descriptor)
    )
    monkeypatch.setattr(os, "replace", lambda old, new: kept.append("replaced") or replace(old, new))
    write_atomically(path, "new")
    assert kept[0].startswith(f"{tmp_path}/.file.txt.") and kept[1:] == ["replaced", str(tmp_path)]


def test_a_file_may_be_for_its_owner_alone_from_the_start(tmp_path):
    write_atomically(tmp_path / "open", "x")
    write_atomically(tmp_path / "secret", "x", mode=0o600)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("open", "secret")] == [0o644, 0o600]


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path):
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(workspace.NotWritable, match=rf"^{tmp_path}/file.txt cannot be written to \(Is a directory\)"):
        write_atomically(tmp_path / "file.txt", "new")
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_a_refusal_names_the_folder_and_what_would_do(work_folder, tmp_path):
    work_folder.write_text("a file where the folder would be: refused to everybody, root too")
    with pytest.raises(workspace.NotWritable) as refusal:
        workspace.save("predictions", 1, {})
    sentence = str(refusal.value)
    assert str(work_folder) in sentence and "STABILITYLAB_WORK" in sentence and "\n" not in sentence
    with pytest.raises(workspace.NotWritable) as refusal:
        write_atomically(work_folder.parent / "work" / "own.json", "{}")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("")
    with pytest.raises(workspace.NotWritable, match="choose a folder") as refusal:
        write_atomically(elsewhere / "own.json", "{}")
    assert "STABILITYLAB_WORK" not in str(refusal.value)


def test_a_notebook_shows_the_sentence_and_no_traceback(work_folder):
    from IPython.core.interactiveshell import InteractiveShell
    from IPython.utils.capture import capture_output

    work_folder.write_text("")
    shell = InteractiveShell()
    with capture_output() as shown:
        shell.run_cell("from stabilitylab.lessons import predictions; predictions.commit('00-first', 'a')")
    assert "STABILITYLAB_WORK" in shown.stdout and "Traceback" not in shown.stdout
    assert len(shown.stdout.strip().splitlines()) == 1


@pytest.mark.parametrize("command", [["deliver"], ["lab"], ["run", "no-norms"]], ids=" ".join)
def test_a_command_says_at_once_that_nothing_can_be_kept(command, work_folder, capsys, monkeypatch):
    from stabilitylab.experiments.experiment import Experiment

    monkeypatch.setattr(Experiment, "trainer", lambda *_: pytest.fail("trained before it looked"))
    monkeypatch.setattr(os, "execve", lambda *_: pytest.fail("opened JupyterLab before it looked"))
    work_folder.write_text("")
    assert main(command) == 2
    printed = capsys.readouterr().err
    assert "STABILITYLAB_WORK" in printed and len(printed.splitlines()) == 1


@pytest.mark.parametrize(
    "value, meant", [("", workspace.ROOT / "work"), ("~/lab", Path.home() / "lab"), ("here", Path.cwd() / "here")]
)
def test_the_work_folder_can_be_moved_and_is_always_absolute(value, meant):
    """A kernel runs in the folder of its notebook: a relative path would lead elsewhere there."""
    code = "from stabilitylab import workspace; print(workspace.WORK)"
    environment = os.environ | {"STABILITYLAB_WORK": value}
    printed = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True).stdout
    assert Path(printed.strip()) == meant


@pytest.mark.parametrize(
    "write, fails", [("", False), ("(Path(os.environ['STABILITYLAB_TESTED_WORK']) / 'checks.json').write_text('{}')", True)]
)
def test_a_session_of_tests_that_changes_a_learners_own_files_fails(tmp_path, write, fails):
    own = tmp_path / "own"
    own.mkdir()
    (tmp_path / "test_that_writes.py").write_text(WRITES.replace("WRITE", write))
    alone = ("-p", "tests.conftest", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(tmp_path))
    session = subprocess.run(
        [sys.executable, "-m", "pytest", *alone, str(tmp_path)],
        cwd=workspace.ROOT,
        env=os.environ | {"STABILITYLAB_TESTED_WORK": str(own)},
        capture_output=True,
        text=True,
    )
    assert "1 passed" in session.stdout
    assert session.returncode == int(fails)
    assert (str(own / "checks.json") in session.stdout) == fails


def test_a_process_started_by_a_test_keeps_its_files_in_the_folder_of_the_test(work_folder):
    code = "from stabilitylab import workspace; workspace.save('checks', 1, {'a': True})"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert (work_folder / "checks.json").exists()
