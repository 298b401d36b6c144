"""The files that set the course up: they must name the same things, at the same versions."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.specifiers import SpecifierSet

from stabilitylab.workspace import ROOT

CONSTRAINTS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().lower().splitlines() if line and not line.startswith("#")
)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA_NAMES = {"pytorch": "torch"}


def test_every_direct_dependency_is_pinned():
    direct = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    assert all(re.fullmatch(r"[a-z0-9-]+", name) for name in direct), "versions belong in constraints.txt"
    assert set(direct) <= set(CONSTRAINTS)
    assert CONSTRAINTS["torch"] == "2.13.0" and CONSTRAINTS["ipykernel"] == "7.1.0"


def test_what_is_installed_is_what_is_pinned():
    for name in PROJECT["dependencies"]:
        assert metadata.version(name).split("+")[0] == CONSTRAINTS[name], name


def test_what_is_pinned_installs_on_any_python_from_3_11_on():
    for name in CONSTRAINTS:
        try:
            wanted = metadata.metadata(name)["Requires-Python"]
        except metadata.PackageNotFoundError:  # for another system, or another Python
            continue
        for python in ("3.11.0", "3.12.0", "3.13.0"):
            assert SpecifierSet(wanted or "").contains(python), f"{name} {CONSTRAINTS[name]} wants Python {wanted}"


def test_conda_gets_the_same_versions_and_the_cpu_build():
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())
    assert listed["channels"] == ["conda-forge"]
    packages = [line for line in listed["dependencies"] if isinstance(line, str) and "=" in line and ">=" not in line]
    versions = {CONDA_NAMES.get(line.split("=")[0], line.split("=")[0]): line.split("=")[1] for line in packages}
    from_pip = next(line["pip"] for line in listed["dependencies"] if isinstance(line, dict))
    versions |= dict(line.split("==") for line in from_pip if "==" in line)
    assert versions == {name: CONSTRAINTS[name] for name in versions}
    assert set(PROJECT["dependencies"]) <= set(versions)
    assert "pytorch=2.13.0=cpu_*" in packages


def test_the_readme_names_the_two_commands_first():
    lines = (ROOT / "README.md").read_text().splitlines()
    commands = [number for number, line in enumerate(lines) if line.strip().startswith(("make lab", "make test"))]
    assert len(commands) >= 2 and commands[0] < 25


def test_make_explains_the_small_wheel_to_a_linux_learner():
    printed = subprocess.run(["make", "-n", "setup", "STALE=yes"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cpu" in printed
    with_index = subprocess.run(
        ["make", "-n", "setup", "STALE=yes", "TORCH_INDEX=https://example.org/cpu"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--extra-index-url https://example.org/cpu" in with_index.stdout


def made_in(folder):
    """A checkout with an environment as `make setup` leaves it, without the packages: its command prints whose code runs."""
    (folder / "stabilitylab").mkdir(parents=True)
    (folder / "stabilitylab" / "__init__.py").write_text("def main():\n    print(__file__)\n")
    shutil.copytree(ROOT / "setup", folder / "setup")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, folder)
    environment = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "__editable__.stabilitylab-1.0.pth").write_text(str(folder))
    body = "import sys\nfrom stabilitylab import main\nsys.exit(main())\n"
    heads = {  # as pip writes them, for paths without and with a space
        "stabilitylab": f"#!{environment}/bin/python3\n",
        "spaced": f"#!/bin/sh\n'''exec' \"{environment}/bin/python3\" \"$0\" \"$@\"\n' '''\n",
    }
    for name, head in heads.items():
        (environment / "bin" / name).write_text(head + body)
        (environment / "bin" / name).chmod(0o755)
    subprocess.run([environment / "bin" / "python", folder / "setup" / "relocatable.py"], check=True)
    recipe = make(folder, "-n", "environment", "STALE=yes").splitlines()[-1]
    subprocess.run(recipe, shell=True, cwd=folder, check=True)
    return folder


def make(folder, *arguments):
    return subprocess.run(["make", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


def printed(*command, **more):
    return subprocess.run(command, capture_output=True, text=True, check=True, **more).stdout.strip()


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """A checkout that was copied and then moved: where the copy is, and where the original is now."""
    folder = tmp_path_factory.mktemp("places")
    original = made_in(folder / "first")
    shutil.copytree(original, folder / "zweiter Ort é", symlinks=True, copy_function=shutil.copyfile)
    for path in (folder / "zweiter Ort é" / ".venv" / "bin").iterdir():  # new dates, as with `cp -r`, but the same modes
        path.is_symlink() or path.chmod(0o755)
    original.rename(folder / "moved here")
    return folder / "zweiter Ort é", folder / "moved here"


@pytest.mark.parametrize("which", [0, 1], ids=["copied", "moved"])
@pytest.mark.parametrize("command", ["stabilitylab", "spaced"])
def test_a_copied_or_moved_clone_runs_its_own_code(places, which, command, tmp_path):
    own = places[which] / "stabilitylab" / "__init__.py"
    assert printed(places[which] / ".venv" / "bin" / command) == str(own)
    (tmp_path / "link").symlink_to(places[which] / ".venv" / "bin" / command)
    assert printed(tmp_path / "link", cwd=tmp_path) == str(own)
    assert printed(places[which] / ".venv" / "bin" / "python", "-c", "import stabilitylab as s; s.main()", cwd=tmp_path) == str(
        own
    )


@pytest.mark.parametrize("which", [0, 1], ids=["copied", "moved"])
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_an_environment_that_is_activated_is_the_one_of_its_own_clone(places, which, shell):
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    environment, script = places[which] / ".venv", "activate.fish" if shell == "fish" else "activate"
    found = printed(shell, "-c", f". '{environment}/bin/{script}'; command -v stabilitylab")
    assert os.path.realpath(found) == os.path.realpath(environment / "bin" / "stabilitylab")


@pytest.mark.parametrize("goal", ["setup", "lab", "test"])
def test_a_copied_or_moved_clone_needs_no_installation(places, goal):
    for place in places:
        steps = make(place, "-n", goal).splitlines()
        assert all("pip" not in step and "venv " not in step for step in steps)
        assert steps[0].removeprefix("exec ").startswith(".venv/bin/stabilitylab")


def test_an_environment_is_made_again_when_what_it_is_made_from_changes(tmp_path):
    place = made_in(tmp_path / "course")
    assert "pip install" not in make(place, "-n", "lab")
    (place / "constraints.txt").touch()
    assert "pip install" not in make(place, "-n", "lab")
    with open(place / "constraints.txt", "a") as file:
        file.write("another==1.0\n")
    assert "pip install" in make(place, "-n", "lab")


def test_an_environment_whose_python_is_gone_is_made_again(tmp_path):
    place = made_in(tmp_path / "course")
    python = place / ".venv" / "bin" / "python"
    python.unlink()
    python.symlink_to(tmp_path / "uninstalled" / "python3")
    assert "-m venv --clear .venv" in make(place, "-n", "lab")


@pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write anywhere")
def test_a_clone_that_cannot_be_written_to_is_explained_in_a_sentence(tmp_path):
    place = tmp_path / "course"
    place.mkdir()
    shutil.copy(ROOT / "Makefile", place)
    place.chmod(0o555)
    refused = subprocess.run(["make", "setup", "STALE=yes"], cwd=place, capture_output=True, text=True)
    place.chmod(0o755)
    assert refused.returncode != 0 and "make a clone of your own" in refused.stdout


def test_the_settings_of_the_course_are_in_its_own_environment():
    if Path(sys.prefix).parent != ROOT:
        pytest.skip("this environment was not made by `make setup`")
    for path in (ROOT / "setup" / "jupyter").rglob("*.json"):
        installed = Path(sys.prefix, "etc", "jupyter", path.relative_to(ROOT / "setup" / "jupyter"))
        kept = json.loads(installed.read_text())  # JupyterLab itself may have added keys
        assert kept | json.loads(path.read_text()) == kept
