"""What a lesson or a learner imports from the package itself."""

import subprocess
import sys
import types

import pytest

import stabilitylab


def test_a_learner_imports_everything_from_one_place():
    from stabilitylab import ModelConfig, RunConfig, Trainer, experiments, live

    assert next(Trainer(RunConfig(model=ModelConfig(layers=1, width=8), steps=1)).steps()).step == 0
    assert experiments.get("constant-lr").name == "constant-lr" and callable(live.panel)


def test_every_name_of_the_interface_is_the_module_or_the_thing_that_its_home_defines():
    for name, home in stabilitylab._HOMES.items():
        found = getattr(stabilitylab, name)
        if isinstance(found, types.ModuleType):
            assert found.__name__ == home
        else:
            assert found is vars(sys.modules[home])[name]
    assert set(stabilitylab._HOMES) <= set(dir(stabilitylab))


def test_a_name_that_there_is_not_is_refused_as_python_does():
    with pytest.raises(AttributeError, match="module 'stabilitylab' has no attribute 'trainer'"):
        stabilitylab.trainer  # noqa: B018


@pytest.mark.parametrize("command", ["--help", "list"])
def test_the_terminal_answers_before_pytorch_is_loaded(command):
    code = (
        "import sys\nfrom stabilitylab.cli import main\n"
        f"try: main([{command!r}])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'matplotlib', 'IPython'} & set(sys.modules)\nassert not heavy, heavy"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "usage: " in printed or "constant-lr" in printed
