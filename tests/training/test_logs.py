"""Logs as other trainers and trackers write them; the files are made up, their forms are those of the tools."""

import json
import math

import pytest

from stabilitylab.figures import plots
from stabilitylab.training import advice, logs
from stabilitylab.training.diagnosis import Verdict, diagnose
from stabilitylab.training.telemetry import Run
from stabilitylab.workspace import ROOT
from tests.training.test_diagnosis import TRAINED, fall, run

LOSSES = fall(10.8, 3.4, 60)


@pytest.fixture
def write(tmp_path):
    def written(text, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return written


def table(*columns, header, delimiter=","):
    rows = [delimiter.join(header), *(delimiter.join(map(str, row)) for row in zip(*columns))]
    return "\n".join(rows) + "\n"


def test_csv_gives_the_columns_that_it_names(write):
    path = write(table(range(0, 600, 10), LOSSES, [1e-3] * 60, [0.5] * 60, header=["iter", "loss", "lr", "grad_norm"]))
    log = logs.read(path)
    assert (log.format, log.columns["step"], log.columns["loss"]) == ("CSV", list(range(0, 600, 10)), LOSSES)
    assert log.taken == {"loss": "loss", "step": "iter", "lr": "lr", "grad_norm": "grad_norm"} and log.notes == ()
    read = Run.read(path, vocabulary=50257)
    assert read.column("grad_norm") == [0.5] * 60 and read.uniform == math.log(50257)
    assert read.label == "log" and math.isnan(read.unigram) and not any(read.column("skipped"))
    assert diagnose(read).verdict == Verdict.TRAINED


@pytest.mark.parametrize(
    "header, cell",
    [("step;loss", "{};{}"), ("step\tloss", "{}\t{}"), ("\ufeffstep,loss", "{},{}"), ("# a comment\nstep,loss", "{},{}")],
)
def test_csv_of_other_kinds(write, header, cell):
    rows = [cell.format(step, f"{loss:.4f}".replace(".", "," if ";" in cell else ".")) for step, loss in enumerate(LOSSES)]
    assert logs.read(write("\n".join([header, *rows]))).columns["loss"] == pytest.approx(LOSSES, abs=1e-4)


def test_utf_16_is_read(write):
    assert len(logs.read(write(table(range(60), LOSSES, header=["step", "loss"]).encode("utf-16"))).columns["loss"]) == 60


def test_empty_cells_and_rows_of_an_evaluation_are_gaps(write):
    path = write("step,train_loss,val_loss,lr\n0,5.5,,0.1\n1,5.0,,\n1,,4.9,\n2,nan,4.8,\n2,4.5,,0.1\n")
    log = logs.read(path)
    assert (log.columns["step"], log.columns["loss"]) == ([0, 1, 2], [5.5, 5.0, 4.5])
    assert str(log.columns["lr"]) == "[0.1, nan, 0.1]" and log.kinds == {"step", "loss", "lr", "validation loss"}


def test_a_loss_that_is_nan_is_kept_where_the_row_is_one_of_training(write):
    assert str(logs.read(write("step,loss\n0,5.5\n1,NaN\n2,inf\n")).columns["loss"]) == "[5.5, nan, inf]"


def test_a_chart_of_weights_and_biases(write):
    header = ["Step", "my-run - train/loss", "my-run - train/loss__MIN", "my-run - train/loss__MAX"]
    path = write(
        "\n".join([",".join(f'"{name}"' for name in header), *(f'"{s}","{x}","{x}","{x}"' for s, x in enumerate(LOSSES))])
    )
    log = logs.read(path)
    assert log.taken == {"loss": "my-run - train/loss", "step": "Step"} and log.columns["loss"] == LOSSES and log.notes == ()


def test_of_a_chart_of_several_runs_one_is_asked_for(write):
    path = write(
        "Step,cold - loss,hot - loss,cold - lr,hot - lr\n0,5.5,5.5,1,2\n1,5.4,,1,2\n2,5.3,,1,2\n3,5.2,,1,2\n4,5.1,9.9,1,2\n"
    )
    with pytest.raises(ValueError, match="choose with --loss COLUMN: 'cold - loss' and 'hot - loss'"):
        logs.read(path)
    hot = logs.read(path, loss="hot - loss")
    assert (hot.columns["step"], hot.columns["loss"], hot.columns["lr"]) == ([0, 4], [5.5, 9.9], [2.0, 2.0])


@pytest.mark.parametrize("lines", [True, False])
def test_a_history_of_weights_and_biases(write, lines):
    rows = [{"_step": s, "train": {"loss": x, "grad_norm": 1.0}, "_runtime": s, "name": "text"} for s, x in enumerate(LOSSES)]
    rows.insert(30, {"_step": 29, "val": {"loss": 3.0}})
    rows[40]["train"]["loss"] = "NaN"
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    log = logs.read(write(text, "history.jsonl"))
    assert log.format == ("JSON lines" if lines else "JSON") and len(log.columns["loss"]) == 60
    assert math.isnan(log.columns["loss"][39]) and log.taken["grad_norm"] == "train/grad_norm"


def test_a_table_of_columns_in_json(write):
    assert logs.read(write('{"step": [0, 1], "loss": [5.5, 5.4]}', "a.json")).columns["loss"] == [5.5, 5.4]
    inside = '{"project": "a", "history": [{"step": 3, "loss": 5.5}, {"step": 4, "loss": 5.4}]}'
    assert logs.read(write(inside, "c.json")).columns["step"] == [3, 4]
    pandas = '{"step": {"0": 0, "1": 1}, "loss": {"0": 5.5, "1": null}}'
    assert logs.read(write(pandas, "b.json")).columns["loss"] == [5.5]


def test_a_line_that_was_being_written_is_left_out(write):
    text = '{"step": 0, "loss": 5.5}\n{"step": 1, "loss": 5.4}\n{"step": 2, "lo'
    assert logs.read(write(text, "log.jsonl")).columns["loss"] == [5.5, 5.4]
    with pytest.raises(ValueError, match=r"line 2 of .* is not JSON"):
        logs.read(write('{"step": 0, "loss": 5.5}\n{"step": 1, "lo\n{"step": 2, "loss": 5}\n', "log.jsonl"))


def test_the_state_of_a_hugging_face_trainer(write):
    history = [
        {"loss": x, "grad_norm": 1.0, "learning_rate": 1e-4, "epoch": s / 20, "step": 10 * s} for s, x in enumerate(LOSSES)
    ]
    history.insert(31, {"eval_loss": 2.0, "epoch": 1.5, "step": 300})
    history.append({"train_loss": 4.0, "train_runtime": 3.0, "epoch": 3.0, "step": 590})
    log = logs.read(write(json.dumps({"global_step": 590, "log_history": history}), "trainer_state.json"))
    assert log.format == "Hugging Face trainer state" and log.columns["loss"] == LOSSES
    assert log.columns["step"][-1] == 590 and log.taken["lr"] == "learning_rate" and log.notes == ()


@pytest.mark.parametrize("folder", [True, False])
def test_event_files_of_tensorboard(tmp_path, folder):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path / "run"))
    for step, loss in enumerate(LOSSES):
        values = [Summary.Value(tag="train/loss", simple_value=loss), Summary.Value(tag="train/learning_rate", simple_value=0.5)]
        writer.add_event(Event(step=10 * step, wall_time=float(step), summary=Summary(value=values)))
        if step % 20 == 0:
            value = Summary.Value(tag="eval/loss", simple_value=1.0)
            writer.add_event(Event(step=10 * step, wall_time=float(step), summary=Summary(value=[value])))
    writer.close()
    (tmp_path / "run" / "settings").mkdir()  # some trainers keep their settings in event files of their own
    (tmp_path / "run" / "settings" / "events.out.tfevents.2").write_bytes(b"")
    path = tmp_path / "run" if folder else next((tmp_path / "run").glob("*tfevents*"))
    log = logs.read(path)
    assert log.format == "TensorBoard" and log.columns["loss"] == pytest.approx(LOSSES)
    assert log.columns["step"] == list(range(0, 600, 10)) and log.columns["lr"] == [0.5] * 60
    assert "validation loss" in log.kinds


def test_scalars_as_tensorflow_2_keeps_them(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    writer = EventFileWriter(str(tmp_path))
    about = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="scalars"))
    for step, loss in enumerate(LOSSES):
        value = Summary.Value(tag="epoch_loss", tensor=make_tensor_proto(loss, dtype="float32"), metadata=about)
        writer.add_event(Event(step=step, wall_time=float(step), summary=Summary(value=[value])))
    writer.close()
    assert logs.read(tmp_path).columns["loss"] == pytest.approx(LOSSES)


def test_a_run_of_the_course_comes_back_with_its_references(write):
    made = run(TRAINED, at={50: {"skipped": True}})
    path = write(json.dumps(made.to_dict() | {"verdict": "trained"}), "out.json")
    back = Run.read(path)
    assert back.label == "made up" and (back.unigram, back.vocabulary) == (made.unigram, 256)
    assert back.column("loss") == made.column("loss") and back.column("skipped") == made.column("skipped")
    assert logs.read(path).format == "a run of this course" and Run.read(path, unigram=1.5).unigram == 1.5


# choosing


@pytest.mark.parametrize(
    "header, taken",
    [
        ("step,loss,train_loss,val_loss", "loss"),
        ("step,trainLoss,valLoss", "trainLoss"),
        ("step,train/loss,train/loss_std,aux_loss", "train/loss"),
        ("step,loss_scale,lm_loss", "lm_loss"),
        ("step,train/running_loss,train/loss", "train/loss"),
        ("step,val_loss,accuracy", "val_loss"),
        ("step,cross_entropy", "cross_entropy"),
    ],
)
def test_the_training_loss_is_found_by_its_name(write, header, taken):
    width = header.count(",")
    path = write("\n".join([header, *(",".join([str(step)] + ["2.5"] * width) for step in range(5))]))
    log = logs.read(path)
    assert log.taken["loss"] == taken
    assert any("held out" in note for note in log.notes) == (taken == "val_loss")


def test_another_candidate_is_named_and_two_equal_ones_are_asked_about(write):
    log = logs.read(write("step,loss,aux_loss\n0,5,1\n1,4,1\n"))
    assert log.notes == ("'loss' was taken as the loss, and not 'aux_loss'; --loss COLUMN chooses another.",)
    both = write("step,loss_a,loss_b\n0,5,1\n1,4,1\n")
    with pytest.raises(
        ValueError, match="several columns that could be the loss; choose with --loss COLUMN: 'loss_a' and 'loss_b'"
    ):
        logs.read(both)
    assert logs.read(both, loss="loss_b").columns["loss"] == [1.0, 1.0]
    assert logs.read(both, loss="Loss-B").columns["loss"] == [1.0, 1.0]


def test_of_two_columns_of_one_name_the_first_is_taken_and_said(write):
    log = logs.read(write("loss,loss\n1,2\n2,3\n"))
    assert log.columns["loss"] == [1.0, 2.0] and "not 'loss (2)'" in log.notes[0]


def test_a_loss_below_0_is_no_cross_entropy_and_said_so(write):
    assert "lie below 0" in logs.read(write("step,loss\n0,1\n1,-1\n")).notes[0]


def test_a_mean_logged_once_at_the_end_is_no_candidate(write):
    assert logs.read(write("step,my_loss,train_loss\n0,5,\n1,4,\n2,3,4\n")).taken["loss"] == "my_loss"


# steps


def test_losses_without_steps_are_numbered(write):
    log = logs.read(write("loss\n5.5\n5.4\n5.3\n"))
    assert log.columns["step"] == [0, 1, 2] and "numbered in their order" in log.notes[0]


def test_after_a_restart_the_last_pass_counts(write):
    log = logs.read(write("step,loss\n10,5\n20,4\n30,9\n20,3.9\n30,3\n"))
    assert (log.columns["step"], log.columns["loss"]) == ([10, 20, 30], [5, 3.9, 3])
    assert log.notes == ("The log goes back once, as after a restart; what it held from there on before is left out.",)


def test_of_a_step_that_follows_itself_the_last_loss_counts(write):
    log = logs.read(write("step,loss,lr\n0,5,0.1\n1,4,0.1\n1,3,0.1\n2,2,0.1\n"))
    assert (log.columns["step"], log.columns["loss"]) == ([0, 1, 2], [5, 3, 2])
    assert log.notes == ("Steps that follow themselves: 1; of each the last loss counts.",)


def test_steps_that_begin_anew_in_every_epoch_are_numbered_through(write):
    log = logs.read(write("epoch,step,loss\n0,0,5\n0,1,4\n1,0,3\n1,1,2\n"))
    assert (log.columns["step"], log.columns["loss"]) == ([0, 1, 2, 3], [5, 4, 3, 2]) and "begins anew" in log.notes[0]


def test_skipped_steps_are_read_and_a_gap_is_none(write):
    log = logs.read(write("step,loss,skipped,loss_scale\n0,5,True,8\n1,5,,4\n2,5,false,\n"))
    assert log.columns["skipped"] == [1.0, 0.0, 0.0] and str(log.columns["loss_scale"]) == "[8.0, 4.0, nan]"


# what cannot be read


@pytest.mark.parametrize(
    "name, text, said",
    [
        ("log.csv", "", "is empty"),
        ("log.csv", " \n\n", "is empty"),
        ("log.csv", "step,accuracy\n0,0.5\n", "no column of losses; name one of its columns .*: 'step' and 'accuracy'"),
        ("log.csv", "step,loss\n0,nan\n1,NaN\n", "column 'loss' of .* holds nothing but NaN"),
        ("log.csv", "step,loss\n0,\n1,none\n", "has no losses: of its columns 'step' and 'loss' none"),
        ("log.csv", "0,5.5\n1,5.4\n", "no line of column names"),
        ("log.csv", "step,loss\n", "has no losses: of its columns 'step' and 'loss' none"),
        ("notes.txt", "all went well\n", "holds no table; give CSV, JSON"),
        ("photo.png", b"\x89PNG\xff\xfe\x00", "is no text; give CSV, JSON"),
        ("train.log", "iter 0: loss 5.0, time 10ms\niter 1: loss 4.9, time 10ms\n", "what a trainer printed, and no table"),
        ("trainer_state.json", '{"log_history": []}', "holds no records"),
        ("log.json", "[1, 2, 3]", "is JSON, but neither"),
        ("log.jsonl", "{'loss': 1}\n", "line 1 of .* is not JSON"),
        ("log.json", '{"config": {}, "columns": {"step": [], "loss": []}}', "holds no steps and losses"),
        ("events.out.tfevents.1", b"", "no scalars that TensorBoard can read"),
        ("events.out.tfevents.1", b"nonsense", "no scalars that TensorBoard can read"),
        ("events.out.tfevents.1", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    ],
)
def test_what_is_no_log_is_said_in_one_sentence(write, name, text, said):
    with pytest.raises(ValueError, match=said) as refused:
        logs.read(write(text, name))
    assert "\n" not in str(refused.value)


def test_a_wrong_column_or_path_or_reference_is_said(write, tmp_path):
    path = write("step,loss,note\n0,5,a\n1,4,b\n")
    with pytest.raises(ValueError, match=r"loss is 'los'; the columns of .* are 'step', 'loss' and 'note'"):
        logs.read(path, loss="los")
    with pytest.raises(ValueError, match=r"column 'note' of .* holds no numbers"):
        logs.read(path, loss="note")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        logs.read(tmp_path / "nothing.csv")
    with pytest.raises(ValueError, match="folder without TensorBoard event files"):
        logs.read(tmp_path)
    with pytest.raises(ValueError, match="vocabulary is 1"):
        Run.read(path, vocabulary=1)
    with pytest.raises(ValueError, match=r"unigram is -1\.0"):
        Run.read(path, unigram=-1.0)


def test_a_folder_of_several_runs_names_them(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "events.out.tfevents.1").write_bytes(b"")
    with pytest.raises(ValueError, match="several runs; give the folder of one of them: 'a' and 'b'"):
        logs.read(tmp_path)


# advice


def test_every_verdict_has_its_advice_and_its_lesson():
    assert set(advice.ADVICE) == set(Verdict)
    for help_ in advice.ADVICE.values():
        assert (ROOT / help_.lesson).is_file() and help_.missing(set()) and set(help_.tells) <= set(advice.NAMES)


def test_what_is_logged_is_not_asked_for_again():
    spiked = advice.ADVICE[Verdict.RECOVERED]
    assert any(sentence.startswith("gradient norm:") for sentence in spiked.missing({"loss"}))
    assert not any(sentence.startswith("gradient norm:") for sentence in spiked.missing({"loss", "grad_norm"}))


# the figure


def test_a_log_is_drawn_with_its_own_references_and_with_gaps(write):
    cells = (f"{step},{loss},{0.1 if step % 2 else ''}" for step, loss in enumerate(LOSSES))
    read = Run.read(write("\n".join(["step,loss,lr", *cells])), vocabulary=50257)
    loss, rate = plots.panels({"a": [read]}, ("loss", "lr")).figure.axes
    assert loss.get_ylabel() == "loss (nats per token)" and rate.get_ylim()[1] == pytest.approx(0.115)
    drawn = {text.get_text(): text.get_position()[1] for text in loss.texts}
    assert drawn == {"uniform guess": math.log(50257)}


def test_the_end_of_a_run_that_forgets_is_within_the_figure(write):
    forgets = (f"{step},{1.2 + 0.01 * step}" for step in range(100))
    axis = plots.panels({"a": [Run.read(write("\n".join(["step,loss", *forgets])))]}, ("loss",)).figure.axes[0]
    assert axis.get_ylim()[1] > 2.19
