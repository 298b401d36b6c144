import json
import re

import pytest
import yaml

from stabilitylab import experiments
from stabilitylab.claims import evidence, ledger, verdicts
from stabilitylab.cli import main
from stabilitylab.experiments import DEFAULT_SEEDS, FRESH_SEEDS
from stabilitylab.experiments.experiment import Expectation, enough
from stabilitylab.workspace import DATA, ROOT

IDS = [f"A{i}" for i in range(1, 7)] + [f"B{i}" for i in range(1, 8)] + [f"C{i}" for i in range(1, 16)]
IDS += [f"D{i}" for i in range(1, 8)] + [f"E{i}" for i in range(1, 7)]


def test_every_claim_is_on_trial():
    assert sorted(claim.id for claim in verdicts.load()) == sorted(IDS)


@pytest.mark.parametrize("seeds", [DEFAULT_SEEDS, FRESH_SEEDS])
def test_every_verdict_stands_in_the_recorded_evidence(seeds):
    fallen = {j.claim.id: j.failed for j in verdicts.recorded(verdicts.load(), seeds) if not j.ok}
    assert not fallen


def test_claims_that_contradict_each_other_say_so():
    by_id = {claim.id: claim for claim in verdicts.load()}
    assert "E1" in by_id["D4"].contradicts and "D4" in by_id["E1"].contradicts and by_id["C4"].contradicts


def test_every_experiment_decides_a_claim_but_two_that_lessons_use():
    assert set(experiments.all_experiments()) - set(verdicts.rest_on(verdicts.load())) == {"swallowed-updates", "z-loss"}


def test_the_generated_pages_are_up_to_date():
    assert ledger.stale() == [], "run: stabilitylab ledger"


def entry(**changes):
    good = {
        "id": "X1",
        "claim": "fp16 weights break Adam",
        "found_in": "essay",
        "verdict": "holds",
        "condition": "",
        "evidence": {"fp16-weights": ["first-update-is-nan"]},
        "measured": {"fp16-weights/nan-at": ""},
        "lesson": "05",
    }
    return good | changes


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"verdict": "probably"}, "claim X1: verdict is 'probably'; it must be 'holds'"),
        ({"verdict": "holds, mostly"}, "claim X1: verdict is 'holds, mostly'; it must be 'holds'"),
        ({"verdict": "holds sometimes"}, "claim X1: verdict is 'holds sometimes'; it must be 'holds'"),
        ({"evidence": {}}, "evidence is empty"),
        ({"evidence": {"fp16-weights": ["nonsense"]}}, "fp16-weights expects first-update-is-nan"),
        ({"evidence": {"nonsense": ["x"]}}, "the experiments are"),
        ({"evidence": {"no-norms": ["warmup-trains"]}}, "need not hold on 90% of the seeds"),
        ({"measured": {"fp16-weights/nonsense": ""}}, "fp16-weights measures nan-at"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused_by_name(changes, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        verdicts.Claim(**entry(**changes))


def test_an_id_used_twice_is_refused(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [entry(), entry()]}))
    with pytest.raises(ValueError, match="claim X1: the id is used 2 times"):
        verdicts.load(path)


@pytest.mark.parametrize(
    "count, total, share, ok",
    [(18, 20, 0.9, True), (17, 20, 0.9, False), (4, 5, 0.9, True), (3, 5, 0.9, False), (7, 10, 0.7, True), (0, 1, 0.9, False)],
)
def test_how_many_seeds_are_enough(count, total, share, ok):
    assert enough(count, total, share) == ok


def test_a_verdict_needs_all_its_expectations_on_nine_seeds_in_ten():
    both = entry(evidence={"fp16-weights": ["first-update-is-nan", "eps-helps"]})
    claim = verdicts.Claim(**both)

    def judged(misses):
        held = {
            "first-update-is-nan": {s: s not in misses[0] for s in range(20)},
            "eps-helps": {s: s not in misses[1] for s in range(20)},
        }
        return verdicts.judge([claim], {"fp16-weights": held}, range(20))[0]

    assert judged([{3}, {8}]).ok and judged([{3}, {8}]).count == 18
    assert not judged([{3, 4}, {8}]).ok
    assert judged([{3, 4}, {8}]).failed == {"fp16-weights/first-update-is-nan": [3, 4], "fp16-weights/eps-helps": [8]}


@pytest.fixture
def two_claims(tmp_path, monkeypatch):
    """A ledger of one true and one false verdict, both cheap to run."""
    true = entry()
    false = entry(id="X2", claim="fp32 master weights do not help", evidence={"fp16-weights": ["no-help"]})
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [true, false]}))
    experiment = experiments.get("fp16-weights")
    lie = Expectation("Nothing helps.", lambda r: not experiment.expectations["master-weights-help"].holds(r))
    monkeypatch.setitem(experiment.expectations, "no-help", lie)
    monkeypatch.setattr(verdicts, "PATH", path)


def test_claims_runs_the_evidence_again_and_names_the_verdict_that_fell(two_claims, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["claims", "--seeds", "40-41", "--json", str(out)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "The verdict on X2 no longer holds: fp16-weights/no-help on seeds 40, 41." in printed
    assert "verdict on X1" not in printed
    written = json.loads(out.read_text())
    assert [(c["id"], c["holds"]) for c in written["claims"]] == [("X1", True), ("X2", False)]
    assert written["figures"]["fp16-weights"]["nan-at"] == {"40": 1.0, "41": 1.0}


def test_only_the_claims_asked_for_are_run(two_claims, capsys):
    assert main(["claims", "--only", "x1", "--seeds", "40-40"]) == 0
    printed = capsys.readouterr().out
    assert "X1" in printed and "X2" not in printed


def test_an_unknown_claim_is_refused(capsys):
    assert main(["claims", "--only", "Z9"]) == 2
    assert "claim is 'Z9'; the ledger has A1" in capsys.readouterr().err


def test_sources_are_confirmed_or_cited_without_a_figure():
    sources = yaml.safe_load((DATA / "sources.yaml").read_text())["sources"]
    ids = [source["id"] for source in sources] + [fact["id"] for source in sources for fact in source["facts"]]
    assert len(ids) == len(set(ids))
    for source in sources:
        assert source["title"] and source["authors"] and source["url"].startswith("https://") and 1900 < source["year"] < 2030
        for fact in source["facts"]:
            assert fact["read_in"] if fact["confirmed"] else not re.search(r"\d", fact["states"]), fact["id"]


def test_every_source_that_the_course_cites_is_in_the_file():
    known = (DATA / "sources.yaml").read_text()
    for path in [*ROOT.glob("notebooks/*.py"), *ROOT.glob("stabilitylab/**/*.py"), DATA / "claims.yaml"]:
        for paper in re.findall(r"(?:arXiv[: ]|arxiv\.org/abs/)(\d{4}\.\d{4,5})", path.read_text()):
            assert paper in known, f"{path.name} cites arXiv {paper}"


def test_a_spread_names_the_median_and_the_extremes():
    assert evidence.spread([2.0, 3.0, 2.5], "nats") == "2.5 nats (2 to 3)"
    assert evidence.spread([1.0, 1.0]) == "1"
    assert evidence.spread([1.0, float("nan")]) == "inf (1 to inf)"
