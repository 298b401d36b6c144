import nbformat
import pytest

from stabilitylab.claims import evidence, ledger
from stabilitylab.lessons import proofreading


def lesson(prose, code="", printed=""):
    output = nbformat.v4.new_output("stream", text=printed)
    cells = [nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(code, outputs=[output])]
    return [found.number for found in proofreading.unsupported(nbformat.v4.new_notebook(cells=cells))]


@pytest.mark.parametrize(
    "prose, printed, missing",
    [
        ("It ends at 3.26 nats.", "loss 3.2604", []),
        ("It ends at 3.27 nats.", "loss 3.2604", ["3.27"]),
        ("It fires on 98% of the steps.", "rate 0.9812", []),
        ("It fires on 97% of the steps.", "rate 0.9812", ["97%"]),
        ("It trained in 9 of 10 seeds.", "9 of 10 seeds", []),
        ("It trained in nine of ten seeds.", "9/10", []),
        ("It trained in 8 of 10 seeds.", "9 of 10 seeds, 8 layers", ["8 of 10"]),
        ("It reaches 4e15.", "4.2e15", []),
        ("The model has 12,345 weights.", "12345", []),
        ("fp16, 7B models, `lr=3e-3`, lesson 05, Figure 3, 2019 and [a link](https://x.org/1234)", "", []),
        ("$2^{-25} = 3 \\cdot 10^{-8}$, so 25 halvings.", "", []),
        ("Half of 46 is 23.", "46", ["23"]),
        ("The state takes 2.82 of 16 bytes.", "2.82 16", []),
    ],
)
def test_a_number_must_be_found(prose, printed, missing):
    assert lesson(prose, printed=printed) == missing


def test_a_lesson_that_names_an_experiment_may_state_what_was_recorded():
    value = evidence.load("sgd-explosion").quantities["third-gap"]
    stated = evidence.spread([value[seed] for seed in range(1000, 1020)]).split()[0].lstrip("-")
    assert lesson(f"A third of the rate ends {stated} nats lower.") == [stated]
    assert lesson(f"It ends [{stated} nats lower](../docs/experiments.md#sgd-explosion).") == []
    assert lesson(f"It ends {stated} nats lower.", code='evidence.recorded("sgd-explosion")') == []


def test_a_cited_source_supports_its_confirmed_facts_in_the_same_cell_only():
    prose = "Warmup took 4000 steps"
    assert lesson(f"{prose} ([Vaswani](https://arxiv.org/abs/1706.03762)).") == []
    assert lesson(f"{prose}.") == ["4000"]


def test_every_experiment_has_a_section_to_look_in():
    from stabilitylab import experiments

    assert set(experiments.all_experiments()) <= set(proofreading._sections())


def test_a_verdict_table_counts_the_deciding_seeds():
    table = ledger.verdicts("B1", "A3").data
    assert "false as stated" in table and "20 of 20" in table and "../docs/claims.md#b1" in table
    with pytest.raises(ValueError, match="'Z9'"):
        ledger.verdicts("Z9")
