import pytest
import yaml

from stabilitylab.claims import evidence, ledger, verdicts
from stabilitylab.experiments import registry
from stabilitylab.workspace import DATA, ROOT


def test_the_generated_pages_are_up_to_date():
    assert ledger.stale() == [], "run: stabilitylab ledger"


def test_the_pages_are_those_of_the_course():
    pages = ["data/claims.yaml", "docs/claims.md", "docs/experiments.md", "data/experiments.yaml"]
    assert verdicts.PATH == ledger.PATH == DATA / "claims.yaml" and registry.INDEX == DATA / "experiments.yaml"
    assert list(ledger.pages()) == [ROOT / page for page in pages]


CLAIMS = [
    {
        "id": "Z1",
        "claim": "A coin stands on its edge – never",
        "found_in": "essay",
        "verdict": "false as stated",
        "condition": "It fell.",
        "evidence": {"coins": ["usually", "always"]},
        "measured": {"coins/many": "old", "coins/heads": "old"},
        "lesson": "01 Coins",
    },
    {
        "id": "Z2",
        "claim": "A coin falls",
        "found_in": "post",
        "verdict": "holds",
        "condition": "Always.",
        "evidence": {"coins": ["always"]},
        "measured": {},
        "lesson": "02 Tosses",
        "contradicts": "Z1 says the opposite.",
    },
]


@pytest.fixture
def small(recorded_coins, tmp_path, monkeypatch):
    """A ledger of two claims about one experiment, with pages in a folder of this test."""
    for module in (verdicts, ledger):
        monkeypatch.setattr(module, "PATH", tmp_path / "claims.yaml")
    monkeypatch.setattr(ledger, "DOCS", tmp_path / "docs")
    monkeypatch.setattr(registry, "INDEX", tmp_path / "experiments.yaml")
    ledger.PATH.write_text(yaml.safe_dump({"claims": CLAIMS}, sort_keys=False), encoding="utf-8")
    return tmp_path


def test_the_claims_page_has_a_row_and_a_section_for_every_claim(small):
    head, table = ledger.pages()[small / "docs" / "claims.md"].split("\n\n| id |")
    assert head.startswith("# The ledger") and "the default seeds 0-4" in head and "seeds 1000-1019 were run" in head
    assert f"| id |{table}".splitlines() == [
        "| id | claim | verdict | seeds 0-4 | seeds 1000-1019 |",
        "|---|---|---|---|---|",
        "| [Z1](#z1) | A coin stands on its edge – never | false as stated | 4/5 | 17/20 |",
        "| [Z2](#z2) | A coin falls | holds | 5/5 | 20/20 |",
        "",
        "## Z1",
        "",
        "> A coin stands on its edge – never",
        "",
        "*From an essay.* **Verdict: false as stated.** It fell.",
        "",
        "Rests on:",
        "",
        "- [coins](experiments.md#coins): It does not stand on its edge. (17/20)",
        "- [coins](experiments.md#coins): A coin falls. (20/20)",
        "",
        "| measured on seeds 1000-1019 | median (lowest to highest) |",
        "|---|---|",
        "| coins: how many at most | 11.5 (0 to inf) |",
        "| coins: how many heads | 9.62 coins (0.123 to 19.1) |",
        "",
        "Taught in lesson 01 Coins.",
        "",
        "## Z2",
        "",
        "> A coin falls",
        "",
        "*From a post.* **Verdict: holds.** Always.",
        "",
        "**Contradiction.** Z1 says the opposite.",
        "",
        "Rests on:",
        "",
        "- [coins](experiments.md#coins): A coin falls. (20/20)",
        "",
        "Taught in lesson 02 Tosses.",
    ]


def test_the_experiments_page_says_what_was_run_and_how_it_fared(small):
    head, section = ledger.pages()[small / "docs" / "experiments.md"].split("\n\n## ")
    made = evidence.load("coins").made_with
    assert head.startswith("# The experiments") and "seeds 1000-1019 were run" in head
    assert section.endswith("\n") and section.splitlines() == [
        "coins",
        "",
        "Subject: games of chance.",
        "",
        "*Do coins fall on heads?*",
        "",
        "Tosses coins (claim Z1).",
        "",
        "**Shows.** Coins fall.",
        "",
        "**Does not show.** Why.",
        "",
        "| arm | |",
        "|---|---|",
        "| fair | a coin – tossed |",
        "| thrown | a run that is there at once |",
        "",
        "| expectation | least share | seeds 0-4 | seeds 1000-1019 |",
        "|---|---|---|---|",
        "| A coin falls. | 0.9 | 5/5 | 20/20 |",
        "| It does not stand on its edge. | 0.9 | 4/5 | 17/20 |",
        "| It shows heads. | 0.5 | 3/5 | 10/20 |",
        "",
        "| figure | median (lowest to highest) on the fresh seeds |",
        "|---|---|",
        "| how many heads | 9.62 coins (0.123 to 19.1) |",
        "| how many at most | 11.5 (0 to inf) |",
        "",
        f"Made with Python {made['python']}, PyTorch {made['torch']}, corpus {made['corpus_sha256'][:12]}.",
    ]


def test_only_what_was_measured_changes_in_the_file_of_claims(small):
    text = ledger.pages()[ledger.PATH]
    assert text.startswith("# Popular claims") and "over the fresh seeds 1000-1019." in text
    assert "A coin stands on its edge – never" in text, "no escapes: people edit this file"
    filled = {"coins/many": "11.5 (0 to inf)", "coins/heads": "9.62 coins (0.123 to 19.1)"}
    written = yaml.safe_load(text)["claims"]
    assert written == [CLAIMS[0] | {"measured": filled}, CLAIMS[1]]
    assert [list(claim) for claim in written] == [list(claim) for claim in CLAIMS], "fields stay in their order"


def test_the_index_names_every_experiment_with_its_arms(small):
    text = ledger.pages()[registry.INDEX]
    assert text.startswith("# Derived from") and "– tossed" in text
    arms = {"fair": "a coin – tossed", "thrown": "a run that is there at once"}
    index = {"coins": {"subject": "games of chance", "question": "do coins fall on heads?", "arms": arms}}
    assert yaml.safe_load(text) == index and list(yaml.safe_load(text)["coins"]) == ["subject", "question", "arms"]


def test_pages_are_brought_up_to_date_once_and_only_those_that_are_not(small):
    every = [ledger.PATH, small / "docs" / "claims.md", small / "docs" / "experiments.md", registry.INDEX]
    assert ledger.stale() == every and ledger.write() == every
    assert [path.read_text(encoding="utf-8") for path in every] == list(ledger.pages().values())
    assert ledger.stale() == ledger.write() == []
    every[1].write_text("edited by hand")
    every[2].unlink()
    assert ledger.stale() == every[1:3] and not every[2].exists()
    assert ledger.write() == every[1:3] and ledger.stale() == []


def test_long_paragraphs_are_wrapped_so_that_markdown_reads_the_same():
    words = " ".join(["word"] * 40)
    for start, hang in (("", ""), ("- ", "  "), ("> ", "> ")):
        first, second = ledger._wrap([start + words])
        assert first.startswith(start + "word") and 125 < len(first) <= 130 and second.startswith(hang + "word")
        assert first.removeprefix(start) + " " + second.removeprefix(hang) == words
    hyphens = " ".join(["half-way"] * 20)
    assert " ".join(ledger._wrap([hyphens])) == hyphens
    as_they_are = [f"| {words} |", "", f"# {words}", "x" * 130, "x" * 200, "short"]
    assert ledger._wrap(as_they_are) == as_they_are


@pytest.mark.parametrize("mark", ["-", "+", "*", ">", "#", "###", "7.", "12)"])
def test_no_wrapped_line_begins_with_what_markdown_reads_as_a_list_or_a_heading(mark):
    line = " ".join(["a", *["word"] * 25, mark, *["word"] * 20])
    for pad in range(8):
        wrapped = ledger._wrap(["b" * pad + line])
        assert " ".join(wrapped) == "b" * pad + line
        assert not any(piece.startswith(f"{mark} ") for piece in wrapped)


@pytest.mark.parametrize("noun, named", [("essay", "an essay"), ("interview", "an interview"), ("post", "a post")])
def test_a_text_gets_its_article(noun, named):
    assert ledger._article(noun) == named


def test_a_lesson_shows_verdicts_as_a_table_in_the_order_asked_for(small):
    assert ledger.verdicts("Z2", "z1").data.splitlines() == [
        "| claim | verdict | held on seeds 1000-1019 |",
        "|---|---|---|",
        "| [Z2](../docs/claims.md#z2): A coin falls | **holds** | 20 of 20 |",
        "| [Z1](../docs/claims.md#z1): A coin stands on its edge – never | **false as stated** | 17 of 20 |",
    ]
    assert len(ledger.verdicts().data.splitlines()) == 4
    with pytest.raises(ValueError, match="claim is 'Q7'; the ledger has Z1, Z2"):
        ledger.verdicts("Q7")
