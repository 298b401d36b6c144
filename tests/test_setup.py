"""The files that set the course up: they must name the same things, at the same versions."""

import re
import subprocess
import tomllib
from importlib import metadata

import yaml

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
    printed = subprocess.run(["make", "-n", "-B", "setup"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "TORCH_INDEX=https://download.pytorch.org/whl/cpu" in printed
    with_index = subprocess.run(
        ["make", "-n", "-B", "setup", "TORCH_INDEX=https://example.org/cpu"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "--extra-index-url https://example.org/cpu" in with_index.stdout
