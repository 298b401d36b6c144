import subprocess
import sys

import pytest

from stabilitylab import experiments
from stabilitylab.experiments import registry


def test_an_experiment_is_found_by_the_file_it_stands_in(tmp_path, monkeypatch):
    (tmp_path / "clipping").mkdir()
    (tmp_path / "clipping" / "__init__.py").touch()
    (tmp_path / "clipping" / "value_clipping.py").touch()
    (tmp_path / "observables.py").touch()
    monkeypatch.setattr(registry, "_FOLDER", tmp_path)
    registry._files.cache_clear()
    try:
        assert registry.names() == ("value-clipping",)
        assert registry.subject("value-clipping") == "clipping"
    finally:
        registry._files.cache_clear()


def test_every_experiment_has_the_name_of_its_file_and_is_loaded_alone():
    assert [experiment.name for experiment in experiments.all_experiments().values()] == list(experiments.names())
    code = (
        "import sys; from stabilitylab import experiments; experiments.get('fp16-limits'); "
        "print(*(m for m in sys.modules if m.startswith('stabilitylab.experiments.') and m.count('.') == 3))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert loaded == ["stabilitylab.experiments.precision.fp16_limits"]


def test_an_experiment_whose_name_is_not_that_of_its_file_is_refused(monkeypatch):
    registry._module.cache_clear()
    files = registry._files() | {"clipping-factz": registry._files()["clipping-facts"]}
    monkeypatch.setattr(registry, "_files", lambda: files)
    with pytest.raises(ValueError, match="holds the experiment 'clipping-facts'; a file is named like its experiment"):
        experiments.get("clipping-factz")


def test_an_unknown_experiment_is_refused_with_the_names_there_are():
    with pytest.raises(ValueError, match=r"name is 'constant'; the experiments are .*constant-lr"):
        experiments.get("constant")


def test_the_index_says_what_the_experiments_say():
    assert experiments.summaries() == registry.summarise()
