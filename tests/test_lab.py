"""How JupyterLab is started, without starting it; tests/browser looks at it."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from stabilitylab import lab, workspace
from stabilitylab.cli import main


@pytest.fixture
def started(monkeypatch):
    """What JupyterLab would have been started with: its command and environment."""
    calls = []
    monkeypatch.setattr(os, "execve", lambda path, command, environment: calls.append((command, environment)))
    return calls


def test_a_learner_starts_in_their_own_folder_at_the_first_lesson(started, capsys):
    assert main(["lab"]) == 0
    ((command, environment),) = started
    assert f"--ServerApp.root_dir={workspace.WORK}" in command
    assert "--LabApp.default_url=/lab/tree/notebooks/00_start_here.ipynb" in command
    assert (workspace.WORK / "notebooks" / "00_start_here.ipynb").exists()
    assert environment["STABILITYLAB_WORK"] == str(workspace.WORK)
    assert "New: " in capsys.readouterr().out


def test_all_that_jupyterlab_keeps_stays_in_the_work_folder_unless_told_otherwise():
    made = lab.environment(False, {"IPYTHONDIR": "/mine", "PATH": "/bin"})
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTERLAB_WORKSPACES_DIR"):
        assert made[name].startswith(str(workspace.WORK / ".jupyter"))
    assert made["IPYTHONDIR"] == "/mine"


def test_a_terminal_in_jupyterlab_finds_the_commands_of_the_course():
    assert shutil.which("stabilitylab", path=lab.environment(False, {"PATH": "/bin"})["PATH"])


def test_options_reach_jupyterlab_and_win(started):
    assert main(["lab", "--", "--port", "8890", "--ServerApp.root_dir=/elsewhere"]) == 0
    assert started[0][0][-3:] == ["--port", "8890", "--ServerApp.root_dir=/elsewhere"]


def test_a_teacher_starts_in_the_repository_and_gets_no_copies(started, monkeypatch):
    monkeypatch.chdir(workspace.ROOT)
    assert main(["lab", "--teach"]) == 0
    command, environment = started[0]
    assert f"--ServerApp.root_dir={workspace.ROOT}" in command
    assert environment["JUPYTER_CONFIG_PATH"].startswith(str(workspace.ROOT / "setup" / "teach") + os.pathsep)
    assert not (workspace.WORK / "notebooks").exists()


@pytest.mark.parametrize("user, screen, expected", [(0, "", True), (0, ":0", False), (1000, "", True), (1000, ":0", False)])
def test_root_and_a_machine_without_a_screen_are_taken_care_of(monkeypatch, user, screen, expected):
    monkeypatch.setattr(os, "geteuid", lambda: user)
    monkeypatch.setattr(lab.sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("DISPLAY", screen)
    command = lab.command(False)
    assert ("--no-browser" in command) == expected and ("--allow-root" in command) == (user == 0)


def test_a_window_that_a_learner_arranged_is_left_alone(started):
    main(["lab"])
    (window,) = (workspace.WORK / ".jupyter" / "workspaces").iterdir()
    window.write_text("arranged")
    main(["lab"])
    assert window.read_text() == "arranged"


@pytest.mark.parametrize("teach", [False, True])
def test_nbgraders_tools_are_there_for_teachers_alone(monkeypatch, teach):
    from jupyter_core.paths import jupyter_path
    from jupyter_server.config_manager import BaseJSONConfigManager
    from jupyterlab_server.config import get_page_config

    for name, value in lab.environment(teach, os.environ).items():
        monkeypatch.setenv(name, value)
    assert ("@jupyter/nbgrader" in get_page_config(jupyter_path("labextensions"))["disabledExtensions"]) != teach
    mode = "teach" if teach else "jupyter"
    server = BaseJSONConfigManager(config_dir=str(workspace.ROOT / "setup" / mode)).get("jupyter_server_config")
    extensions = server["ServerApp"]["jpserver_extensions"]
    assert len(extensions) == 4 and set(extensions.values()) == {teach}


def test_every_setting_of_the_course_is_one_that_this_jupyterlab_knows():
    settings = json.loads((workspace.ROOT / "setup" / "jupyter" / "labconfig" / "default_setting_overrides.json").read_text())
    assert settings["@jupyterlab/notebook-extension:tracker"]["kernelShutdown"] is True
    for plugin, chosen in settings.items():
        extension, _, name = plugin.partition(":")
        schema = json.loads(Path(sys.prefix, "share", "jupyter", "lab", "schemas", extension, f"{name}.json").read_text())
        assert set(chosen) <= set(schema["properties"]), plugin
