"""What is kept of a graded class, and when it is not used."""

import dataclasses
import json
import stat

import pytest

from autograder import bank, expected, journal, keys
from autograder.journal import Entry, Journal
from autograder.judge import Mark
from stabilitylab import workspace

ENTRY = Entry("graded", {"double": Mark(0.5, ("You lose the sign.",)), "near": Mark(1.0, ())}, "a-key", "what-nbgrader-holds")


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """The files that decide marks, made up: what each is -> its path."""
    places = {
        "questions": "stabilitylab/exercises/toy.py",
        "marking": "stabilitylab/exercises/values.py",
        "reference": "reference/toy.py",
        "key": "keys/toy.py",
        "wrong answer": "bank/toy/double/wrong_same.py",
        "right answer": "bank/toy/double/right_sum.py",
        "another reference": "reference/other.py",
        "another key": "keys/other.py",
        "another's answer": "bank/other/double/wrong_same.py",
        "notes": "stabilitylab/exercises/notes.txt",
    }
    for place in places.values():
        path = tmp_path / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"# {place}\n")
    monkeypatch.setattr(workspace, "ROOT", tmp_path)
    monkeypatch.setattr(expected, "REFERENCES", tmp_path / "reference")
    monkeypatch.setattr(keys, "__path__", [str(tmp_path / "keys")])
    monkeypatch.setattr(bank, "FOLDER", tmp_path / "bank")
    return {what: tmp_path / place for what, place in places.items()}


@pytest.fixture
def kept(tmp_path, sources):
    return Journal(tmp_path / "marks" / "toy", "toy")


def again(journal):
    return Journal(journal.folder, "toy")


def test_an_entry_is_read_back_as_it_was_written(kept):
    kept.write("ada", ENTRY)
    assert again(kept).read("ada") == ENTRY
    assert Entry("missing", {}, "k").entered == ""
    with pytest.raises(dataclasses.FrozenInstanceError):
        ENTRY.status = "missing"
    assert kept.read("bob") is None


def test_a_later_entry_replaces_the_first(kept):
    kept.write("ada", ENTRY)
    kept.write("ada", Entry("missing", {}, "k"))
    assert kept.read("ada") == Entry("missing", {}, "k", "")
    assert [path.name for path in kept.folder.iterdir()] == ["ada.json"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"status": "graded"',
        "[]",
        "null",
        '"graded"',
        json.dumps({"status": "graded", "key": "k", "entered": ""}),
        json.dumps({"status": "graded", "key": "k", "marks": {}}),
        json.dumps({"status": "graded", "key": "k", "entered": "", "marks": {"double": {"share": 1.0}}}),
        json.dumps({"status": "graded", "key": "k", "entered": "", "marks": {"double": {"share": 1.0, "feedback": None}}}),
    ],
)
def test_an_entry_that_cannot_be_read_counts_as_none(kept, text):
    kept.write("ada", ENTRY)
    (kept.folder / "ada.json").write_text(text)
    assert kept.read("ada") is None


def test_the_seed_is_drawn_once_and_only_its_owner_may_read_it(kept):
    seed = kept.seed
    assert kept.seed == seed == again(kept).seed and 0 <= seed < 2**256
    assert stat.S_IMODE((kept.folder / "seed").stat().st_mode) == 0o600
    assert Journal(kept.folder.parent / "other", "toy").seed != seed


def test_a_seed_has_enough_bits_that_it_cannot_be_guessed(kept, monkeypatch):
    monkeypatch.setattr(journal.secrets, "randbits", lambda bits: 2**bits - 1)
    assert kept.seed == 2**256 - 1


def test_a_seed_of_an_earlier_version_goes_on_working(kept):
    kept.folder.mkdir(parents=True)
    (kept.folder / "seed").write_text("123456789012345\n")
    assert kept.seed == 123456789012345


DAMAGED = [b"", b"\n", b"\0" * 40, b"12 34", b"-5", b"0x1f", b"\xff\xfe", b"9" * 5000, "٣".encode()]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_seed_is_not_replaced_where_marks_were_given_on_it(kept, content):
    kept.write("ada", ENTRY)
    (kept.folder / "seed").write_bytes(content)
    with pytest.raises(RuntimeError, match=r"is damaged.*Put it back from a copy; without one, delete it") as refusal:
        kept.seed  # noqa: B018  reading it is what is tested
    assert str(kept.folder / "seed") in str(refusal.value) and "\n" not in str(refusal.value)
    assert (kept.folder / "seed").read_bytes() == content and kept.read("ada") == ENTRY


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_seed_on_which_nobody_was_judged_is_drawn_again(kept, content):
    kept.folder.mkdir(parents=True)
    (kept.folder / "seed").write_bytes(content)
    assert kept.seed == again(kept).seed


def test_something_else_in_the_place_of_the_seed_is_named(kept):
    (kept.folder / "seed").mkdir(parents=True)
    with pytest.raises(OSError, match="/seed cannot be written to"):
        kept.seed  # noqa: B018
    kept.write("ada", ENTRY)
    with pytest.raises(RuntimeError, match="/seed is damaged"):
        kept.seed  # noqa: B018


def test_marks_are_used_again_only_for_the_same_submission(kept):
    key = kept.key("def double(x): ...")
    assert again(kept).key("def double(x): ...") == key
    assert kept.key("def double(y): ...") != key


def test_marks_are_not_used_again_with_another_seed(kept):
    key = kept.key("x")
    (kept.folder / "seed").write_text(str(kept.seed + 1))
    assert kept.key("x") != key


@pytest.mark.parametrize("what", ["questions", "marking", "reference", "key", "wrong answer", "right answer"])
def test_marks_are_not_used_again_when_what_decides_them_changed(kept, sources, what):
    key = kept.key("x")
    sources[what].write_text("# changed\n")
    assert again(kept).key("x") != key


def test_marks_are_not_used_again_when_the_bank_grew(kept, sources):
    key = kept.key("x")
    (sources["wrong answer"].parent / "wrong_new.py").write_text("# new\n")
    assert again(kept).key("x") != key


@pytest.mark.parametrize("what", ["another reference", "another key", "another's answer", "notes"])
def test_marks_are_used_again_when_something_else_changed(kept, sources, what):
    key = kept.key("x")
    sources[what].write_text("# changed\n")
    assert again(kept).key("x") == key
