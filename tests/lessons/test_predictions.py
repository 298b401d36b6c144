import json

from IPython.display import HTML

from stabilitylab.lessons import predictions


def test_a_prediction_is_kept_and_can_be_changed(work_folder):
    predictions.commit("q1", "it trains", "because")
    predictions.commit("q1", "it explodes")
    assert predictions.load()["q1"]["choice"] == "it explodes"
    assert json.loads((work_folder / "predictions.json").read_text())["version"] == 1


def test_a_broken_file_is_set_aside_with_a_message(work_folder, capsys):
    work_folder.mkdir()
    (work_folder / "predictions.json").write_text("{half")
    predictions.commit("q1", "it trains")
    assert list(predictions.load()) == ["q1"]
    assert (work_folder / "predictions.json.broken").read_text() == "{half"
    (work_folder / "predictions.json").write_text('{"version": 7}')
    assert predictions.load() == {}
    assert (work_folder / "predictions.json.broken").read_text() == "{half"
    assert (work_folder / "predictions.json.broken1").read_text() == '{"version": 7}'
    assert "kept as predictions.json.broken" in capsys.readouterr().out


def test_review_shows_both_sides_escaped(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "display", shown.append)
    predictions.review("q1", "it trained")
    predictions.commit("q1", "<i>it</i> explodes", "a & b")
    predictions.review("q1", "it trained")
    assert "nothing was committed" in shown[0].data
    assert isinstance(shown[1], HTML) and "&lt;i&gt;it&lt;/i&gt; explodes" in shown[1].data and "it trained" in shown[1].data


def test_asking_shows_the_options_as_text_where_there_are_no_widgets(monkeypatch):
    shown = []
    monkeypatch.setattr(predictions, "display", lambda data, raw: shown.append(data))
    predictions.predict("q1", "What happens?", ["this", "that"])
    assert shown[0]["text/plain"] == "What happens?\n  ( ) this\n  ( ) that"


def test_the_outcome_is_kept_beside_the_prediction_and_makes_none(monkeypatch):
    monkeypatch.setattr(predictions, "display", lambda shown: None)
    predictions.commit("q1", "it trains")
    predictions.review("q1", "it exploded", outcome="it explodes")
    predictions.review("q2", "it exploded", outcome="it explodes")
    assert list(predictions.load()) == ["q1"]
    assert predictions.load()["q1"]["outcome"] == "it explodes" and predictions.load()["q1"]["choice"] == "it trains"
