import json

import pytest
from PIL import Image

from stabilitylab.cli import main
from stabilitylab.training.telemetry import Run


def test_list_names_every_experiment_and_arm(capsys):
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert all(word in listed for word in ("constant-lr", "textbook-pre", "no-norms", "fp16-weights"))


def test_run_ends_with_a_verdict_a_figure_and_the_records(tmp_path, capsys, work_folder):
    assert main(["run", "no-norms-fp16", "--arm", "constant", "--seed", "3", "--json", str(tmp_path / "out.json")]) == 0
    printed = capsys.readouterr().out
    assert "Verdict: non-finite" in printed
    data = json.loads((tmp_path / "out.json").read_text())
    assert data["verdict"] == "non-finite" and Run.from_dict(data).seed == 3
    assert Image.open(work_folder / "runs" / "no-norms-fp16-constant-3.png").width > 300


def test_run_intervenes_where_the_arm_does(tmp_path):
    assert main(["run", "rollback", "--arm", "bad-other", "--json", str(tmp_path / "out.json")]) == 0
    steps = Run.from_dict(json.loads((tmp_path / "out.json").read_text())).column("step")
    assert len(steps) > len(set(steps))  # it went back, and took some steps twice


@pytest.mark.parametrize(
    "arguments, said", [(["run", "nothing"], "the experiments are"), (["run", "no-norms", "--arm", "x"], "no-norms has constant")]
)
def test_a_wrong_name_gets_one_sentence(arguments, said, capsys):
    assert main(arguments) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_range_of_seeds_is_explained(capsys):
    for text in ("five", "9-3"):
        with pytest.raises(SystemExit):
            main(["check", "no-norms", "--seeds", text])
        assert "seed" in capsys.readouterr().err


def test_check_runs_every_arm_and_its_exit_status_tells(capsys, monkeypatch):
    assert main(["check", "fp16-limits", "--seeds", "40-41", "--jobs", "1"]) == 0
    assert "holds  2 of 2 seeds" in capsys.readouterr().out
    from stabilitylab.experiments.experiment import Outcome

    monkeypatch.setattr(Outcome, "ok", False)
    assert main(["check", "fp16-limits", "--seeds", "40-40", "--jobs", "1"]) == 1
    assert "FAILS" in capsys.readouterr().out


def test_an_arm_that_is_no_training_run_is_explained(capsys):
    assert main(["run", "clipping-facts"]) == 2
    assert "use `stabilitylab check`" in capsys.readouterr().err
