"""Sweeps: finished once, whatever comes between, and the same from Python and in the terminal."""

import joblib
import pandas
import pytest

from stabilitylab import sweeps
from stabilitylab.cli import main
from stabilitylab.sweeps import running, tasks
from stabilitylab.sweeps.store import Store
from stabilitylab.sweeps.tasks import Result, Task

SMALL = {"steps": 20, "batch_size": 2, "model.layers": 1, "model.width": 8, "model.context": 16}


@pytest.fixture
def made(monkeypatch):
    """Runs that take no time, in this process; the settings of those that were made."""
    done = []

    def run(task):
        done.append(dict(task.settings))
        loss = task.settings["lr"] * 10
        row = {"key": task.key, **task.settings, "verdict": "trained", "final_loss": loss, "steps_run": 2}
        return Result(row, {"loss": [loss, loss], "grad_norm": [1.0, float("nan")]})

    monkeypatch.setattr(tasks, "run", run)
    monkeypatch.setattr(running, "_on_this_machine", lambda waiting, jobs: map(running._one, waiting))
    return done


def test_a_table_has_one_row_a_run_and_the_curves_one_row_a_step(tmp_path, made):
    told = []
    frame = sweeps.sweep(["lr=1e-3,1e-2", "seeds=0-1"], into=tmp_path, progress=lambda *about: told.append(about), **SMALL)
    assert list(frame["lr"]) == [1e-3, 1e-3, 1e-2, 1e-2] and list(frame["seed"]) == [0, 1, 0, 1]
    assert told == [(done, 4) for done in range(5)]
    assert pandas.read_parquet(tmp_path / "results.parquet").equals(frame)
    curves = pandas.read_parquet(tmp_path / "curves.parquet")
    assert len(curves) == 8 and set(curves["key"]) == set(frame["key"]) and list(curves["step"][:2]) == [0, 1]


def test_what_is_finished_is_not_run_again_and_a_finer_sweep_runs_the_rest(tmp_path, made):
    sweeps.sweep(["lr=1e-3,1e-2", "seeds=0"], into=tmp_path)
    assert len(made) == 2
    told = []
    frame = sweeps.sweep(["lr=1e-3,1e-2,1e-1", "seeds=0-1"], into=tmp_path, progress=lambda *about: told.append(about))
    assert len(made) == 6 and len(frame) == 6 and told[0] == (2, 6)
    sweeps.sweep(["lr=1e-3,1e-2,1e-1", "seeds=0-1"], into=tmp_path)
    assert len(made) == 6


def test_a_sweep_that_was_stopped_keeps_what_was_finished_and_goes_on(tmp_path, made, monkeypatch):
    run = tasks.run

    def stopped(task):
        if len(made) == 2:
            raise KeyboardInterrupt
        return run(task)

    monkeypatch.setattr(tasks, "run", stopped)
    with pytest.raises(KeyboardInterrupt):
        sweeps.sweep(["lr=1e-3..1:4"], into=tmp_path)
    assert len(pandas.read_parquet(tmp_path / "results.parquet")) == 2
    monkeypatch.setattr(tasks, "run", run)
    assert len(sweeps.sweep(["lr=1e-3..1:4"], into=tmp_path)) == 4 and len(made) == 4


def test_a_damaged_file_is_a_run_to_be_made_again(tmp_path, made):
    sweeps.sweep(["lr=1e-3,1e-2"], into=tmp_path)
    next(iter(sorted((tmp_path / "runs").glob("*.json")))).write_text('{"row": ')
    assert len(sweeps.sweep(["lr=1e-3,1e-2"], into=tmp_path)) == 2 and len(made) == 3


def test_a_run_that_cannot_be_made_is_named_before_any_is(tmp_path, made):
    with pytest.raises(ValueError, match=r"lr=0.001 model.heads=3 cannot be run: heads is 3, which does not divide width 32"):
        sweeps.sweep(["lr=1e-3", "model.heads=2,3"], into=tmp_path)
    with pytest.raises(ValueError, match="no-such"):
        sweeps.sweep(["lr=1e-3"], experiment="no-such", into=tmp_path)
    with pytest.raises(ValueError, match="arm is 'none'; constant-lr has"):
        sweeps.sweep(["lr=1e-3"], experiment="constant-lr", arm="none", into=tmp_path)
    assert made == []


def test_the_same_run_has_the_same_key_however_its_settings_are_ordered():
    one, other = Task({"lr": 1e-3, "seed": 0}), Task({"seed": 0, "lr": 1e-3})
    assert one.key == other.key != Task({"seed": 1, "lr": 1e-3}).key
    assert one.key != Task({"lr": 1e-3, "seed": 0}, "constant-lr", "adam").key


def test_a_run_is_what_the_training_loop_gives_for_its_settings(tmp_path):
    from stabilitylab.training.config import RunConfig
    from stabilitylab.training.loop import train

    result = tasks.run(Task({**SMALL, "lr": 1e-2, "seed": 3, "clip_norm": 0.1}))
    changes = {name.replace("model.", "model__"): value for name, value in SMALL.items()}
    run = train(RunConfig().replace(lr=1e-2, seed=3, clip_norm=0.1, **changes))
    assert result.curves["loss"] == run.column("loss") and result.row["clip_rate"] == 1.0
    assert result.row["seed"] == 3 and result.row["verdict"] and result.row["nonfinite_at"] is None
    store, task = Store(tmp_path), Task({"lr": 1e-2})
    store.keep(task, result)
    assert store.read(task) == result


def test_an_experiments_arm_keeps_its_own_parts_and_settings():
    from stabilitylab import experiments

    (planned,) = sweeps.plan(["seeds=5"], experiment="unscale-order", arm="sgd-wrong", steps=20).tasks
    arm, config = tasks._trainer_settings(planned)
    own = experiments.get("unscale-order").arms["sgd-wrong"]
    assert arm is own and config == own.config.replace(seed=5, steps=20)


def test_a_sweep_in_the_terminal_draws_and_says_where(tmp_path, made, capsys):
    assert main(["sweep", "lr=1e-3..1:4", "model.width=16,32", "--into", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    for name in ("rate-sensitivity.png", "map.png", "results.parquet", "curves.parquet"):
        assert name in said and (tmp_path / name).stat().st_size > 0
    assert "trained" in said and "8" in said
    assert main(["sweep", "lr=fast"]) == 2 and "lr is 'fast'" in capsys.readouterr().err
    assert main(["sweep", "lr=1", "--jobs", "0"]) == 2 and "--jobs is 0" in capsys.readouterr().err
    assert main(["sweep", "lr=1", "--arm", "x"]) == 2 and "--experiment" in capsys.readouterr().err


@pytest.mark.slow
def test_two_processes_and_a_local_cluster_give_what_one_gives(tmp_path):
    words = ["lr=1e-3,1e-2", "seeds=0-1"]
    frames = [
        sweeps.sweep(words, into=tmp_path / "one", jobs=1, **SMALL),
        sweeps.sweep(words, into=tmp_path / "two", jobs=2, **SMALL),
        sweeps.sweep(words, into=tmp_path / "cluster", dask="local", **SMALL),
    ]
    first, *others = (frame.drop(columns="seconds") for frame in frames)
    assert all(first.equals(other) for other in others)
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)


def test_an_address_where_nothing_answers_is_told_in_a_sentence(tmp_path, capsys):
    assert main(["sweep", "lr=1", "--into", str(tmp_path), "--dask", "nonsense://x"]) == 2
    assert "--dask is 'nonsense://x', where no scheduler answers" in capsys.readouterr().err
    assert not list((tmp_path / "runs").glob("*.json"))
