import json
import re
from dataclasses import FrozenInstanceError

import pytest
import yaml

from stabilitylab import experiments
from stabilitylab.claims import verdicts
from stabilitylab.cli import main
from stabilitylab.experiments import DEFAULT_SEEDS, FRESH_SEEDS
from stabilitylab.experiments.experiment import Expectation, enough
from stabilitylab.workspace import DATA, ROOT

IDS = [f"A{i}" for i in range(1, 7)] + [f"B{i}" for i in range(1, 8)] + [f"C{i}" for i in range(1, 16)]
IDS += [f"D{i}" for i in range(1, 8)] + [f"E{i}" for i in range(1, 7)] + ["F1", "F2"]


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


def test_an_id_used_three_times_is_counted(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [entry(), entry(id="X2"), entry(), entry()]}))
    with pytest.raises(ValueError, match=re.escape(f"claim X1: the id is used 3 times in {path}")):
        verdicts.load(path)


@pytest.mark.parametrize("verdict", ["holds", "holds when it rains", "false as stated", "opinion"])
def test_the_four_kinds_of_verdict_are_taken(verdict):
    claim = verdicts.Claim(**entry(verdict=verdict))
    assert claim.verdict == verdict and claim.contradicts == ""


def test_a_claim_may_rest_on_what_need_hold_on_nine_seeds_in_ten_and_on_nothing_less(coins, monkeypatch):
    rests = {"evidence": {"coins": ["always", "usually"]}, "measured": {"coins/heads": "", "coins/many": ""}}
    assert verdicts.Claim(**entry(**rests)).evidence == rests["evidence"]
    monkeypatch.setitem(coins.expectations, "usually", Expectation("It falls.", lambda r: True, share=0.89))
    with pytest.raises(ValueError, match="claim X1: evidence is coins/usually, which need not hold on 90% of the seeds"):
        verdicts.Claim(**entry(**rests))


def test_claims_are_loaded_in_the_order_of_the_file(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [entry(id=name, claim=f"say – {name}") for name in ("X9", "X1", "X5")]}))
    assert [(claim.id, claim.claim) for claim in verdicts.load(path)] == [(n, f"say – {n}") for n in ("X9", "X1", "X5")]


def test_claims_are_chosen_by_id_in_the_order_asked_for_and_all_where_none_is_named():
    ledger = [verdicts.Claim(**entry(id=name)) for name in ("X1", "X2", "X3")]
    assert [claim.id for claim in verdicts.select(ledger, ["x3", "X1"])] == ["X3", "X1"]
    assert verdicts.select(ledger, []) == ledger
    with pytest.raises(ValueError, match="claim is 'X4'; the ledger has X1, X2, X3"):
        verdicts.select(ledger, ["X1", "X4"])


def test_experiments_that_claims_rest_on_are_named_once_subject_by_subject():
    def on(*names):
        return verdicts.Claim(**entry(evidence={name: [next(iter(experiments.get(name).expectations))] for name in names}))

    claims = [on("rollback", "no-norms"), on("clipping-facts", "rollback")]
    assert verdicts.rest_on(claims) == ["no-norms", "clipping-facts", "rollback"]
    assert verdicts.rest_on(claims[1:]) == ["clipping-facts", "rollback"] and verdicts.rest_on([]) == []


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
    assert judged([{3, 8}, {3, 8}]).ok and judged([{3, 8}, {3, 8}]).count == 18
    assert judged([{3}, {8}]).held == {s: s not in {3, 8} for s in range(20)}
    assert judged([set(), {8}]).failed == {"fp16-weights/eps-helps": [8]} and judged([set(), set()]).failed == {}
    assert not judged([{3, 4}, {8}]).ok
    assert judged([{3, 4}, {8}]).failed == {"fp16-weights/first-update-is-nan": [3, 4], "fp16-weights/eps-helps": [8]}


@pytest.fixture
def two_claims(tmp_path, monkeypatch):
    """A ledger of one true and one false verdict, both exact calculations that cost nothing."""
    true = entry(evidence={"fp16-limits": ["largest"]}, measured={})
    false = entry(id="X2", claim="fp16 reaches beyond 65504", evidence={"fp16-limits": ["no-end"]}, measured={})
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump({"claims": [true, false]}))
    experiment = experiments.get("fp16-limits")
    lie = Expectation("It has no end.", lambda r: not experiment.expectations["largest"].holds(r))
    monkeypatch.setitem(experiment.expectations, "no-end", lie)
    monkeypatch.setattr(verdicts, "PATH", path)


def test_claims_runs_the_evidence_again_and_names_the_verdict_that_fell(two_claims, tmp_path, capsys):
    out = tmp_path / "out.json"
    assert main(["claims", "--seeds", "40-41", "--jobs", "1", "--json", str(out)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "The verdict on X2 no longer holds: fp16-limits/no-end on seeds 40, 41." in printed
    assert "verdict on X1" not in printed
    written = json.loads(out.read_text())
    assert [(c["id"], c["holds"]) for c in written["claims"]] == [("X1", True), ("X2", False)]
    assert written["figures"]["fp16-limits"]["largest"] == {"40": 65504.0, "41": 65504.0}


def test_only_the_claims_asked_for_are_run(two_claims, capsys):
    assert main(["claims", "--only", "x1", "--seeds", "40-40", "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert "X1" in printed and "X2" not in printed


def test_an_unknown_claim_is_refused(capsys):
    assert main(["claims", "--only", "Z9"]) == 2
    assert "claim is 'Z9'; the ledger has A1" in capsys.readouterr().err


def toss_claims():
    return [
        verdicts.Claim(**entry(id="Z1", evidence={"coins": ["always"]}, measured={})),
        verdicts.Claim(**entry(id="Z2", evidence={"coins": ["usually", "always"]}, measured={})),
    ]


def test_verdicts_are_read_from_the_recorded_evidence_seed_by_seed(recorded_coins):
    first, second = verdicts.recorded(toss_claims(), DEFAULT_SEEDS)
    assert (first.claim.id, first.count, first.ok, first.failed) == ("Z1", 5, True, {})
    assert (second.claim.id, second.count, second.ok, second.failed) == ("Z2", 4, True, {"coins/usually": [3]})
    _, fresh = verdicts.recorded(toss_claims(), FRESH_SEEDS)
    assert (fresh.count, fresh.ok, fresh.failed) == (17, False, {"coins/usually": [1000, 1001, 1002]})


def test_verdicts_without_recorded_evidence_say_how_to_make_it(coins):
    with pytest.raises(FileNotFoundError, match="`stabilitylab record coins` makes it"):
        verdicts.recorded(toss_claims(), DEFAULT_SEEDS)


def test_evidence_run_again_is_judged_and_measured_and_says_how_far_it_is(coins):
    steps = []
    again = verdicts.rerun(toss_claims(), [2, 3], jobs=1, progress=lambda *at: steps.append(at))
    assert steps == [("coins", 1, 4), ("coins", 2, 4), ("coins", 3, 4), ("coins", 4, 4)]
    assert [(j.claim.id, j.held, j.failed) for j in again.judgements] == [
        ("Z1", {2: True, 3: True}, {}),
        ("Z2", {2: True, 3: False}, {"coins/usually": [3]}),
    ]
    assert again.quantities == {"coins": {"heads": {2: 2.123456, 3: 3.123456}, "many": {2: 2.0, 3: 3.0}}}


def test_claims_and_judgements_cannot_be_changed_by_accident(coins):
    again = verdicts.rerun(toss_claims(), [2], jobs=1)
    for part in (again, again.judgements[0], again.judgements[0].claim):
        with pytest.raises(FrozenInstanceError):
            setattr(part, next(iter(vars(part))), None)


def test_evidence_is_run_again_on_the_default_seeds_unless_told(coins):
    (judgement,) = verdicts.rerun(toss_claims()[:1], jobs=1).judgements
    assert list(judgement.held) == list(DEFAULT_SEEDS)


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
