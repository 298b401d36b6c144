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


@pytest.fixture
def log(tmp_path):
    """A log with a spike, as another trainer writes it."""
    path = tmp_path / "my log.csv"
    losses = [3 + 7.8 * 0.93**step + (5 if 100 <= step < 104 else 0) for step in range(200)]
    path.write_text("iter,train/loss,lr\n" + "".join(f"{10 * step},{loss:.4f},0.001\n" for step, loss in enumerate(losses)))
    return path


def test_diagnose_judges_a_log_and_says_what_would_tell_more(log, capsys, work_folder):
    assert main(["diagnose", str(log), "--vocabulary", "50257"]) == 0
    printed = capsys.readouterr().out
    assert "CSV: 200 losses of steps 0 to 1990, column 'train/loss'; also learning rate." in printed
    assert "Verdict: spiked and recovered. It spiked at step 1000" in printed
    assert "uniform guess 10.82, unigram entropy not known" in printed and "spikes at steps: 1000." in printed
    assert "Not judged: Whether the model has learned more" in printed and "a uniform guess: the vocabulary" not in printed
    assert "  gradient norm: " in printed and "  learning rate: " not in printed
    assert "The lesson about it: notebooks/03_spikes_and_clipping.ipynb" in printed
    figure = Image.open(work_folder / "runs" / "my log-diagnosis.png")
    assert figure.width > 300 and "nats per token" in figure.text["Description"]


def test_diagnose_judges_a_run_of_the_course_as_run_does(tmp_path, capsys):
    assert main(["run", "no-norms-fp16", "--arm", "constant", "--seed", "3", "--json", str(tmp_path / "out.json")]) == 0
    first = capsys.readouterr().out
    assert main(["diagnose", str(tmp_path / "out.json"), "--figure", str(tmp_path / "a.png")]) == 0
    again = capsys.readouterr().out
    verdict = next(line for line in first.split("\n") if line.startswith("Verdict:"))
    assert verdict.split(".")[0] in again and "Not judged" not in again and (tmp_path / "a.png").exists()


@pytest.mark.parametrize(
    "content, options, said",
    [
        (None, [], "does not exist"),
        ("", [], "is empty"),
        ("step,accuracy\n1,2\n", [], "its columns (--loss COLUMN): 'step' and 'accuracy'"),
        ("step,loss\n1,nan\n", [], "nothing but NaN"),
        ("step,loss\n1,2\n", ["--loss", "x"], "loss is 'x'; the columns of"),
        ("step,loss\n1,2\n", ["--vocabulary", "1"], "vocabulary is 1"),
    ],
)
def test_a_log_that_cannot_be_judged_gets_one_sentence(content, options, said, tmp_path, capsys, work_folder):
    path = tmp_path / "log.csv"
    if content is not None:
        path.write_text(content)
    assert main(["diagnose", str(path), *options]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint and complaint.count("\n") == 1 and not list(work_folder.rglob("*.png"))


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
