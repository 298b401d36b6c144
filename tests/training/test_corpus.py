import math

import pytest
import torch

from stabilitylab.training import corpus
from stabilitylab.training.corpus import (
    PYTHON_REFERENCE_SHA256,
    Corpus,
    Injection,
    distinct_bytes,
    inject,
    load,
    python_reference,
)

TWO_LETTERS = Corpus(b"ab" * 1000, "two letters")


def test_entropies_of_a_text_that_can_be_worked_out_by_hand():
    assert TWO_LETTERS.unigram_entropy == pytest.approx(math.log(2))
    assert TWO_LETTERS.bigram_entropy == pytest.approx(0, abs=1e-3)


def test_the_text_is_the_one_that_was_recorded_on_whatever_python_ships(monkeypatch):
    import pydoc_data.topics

    monkeypatch.setattr(pydoc_data.topics, "topics", {"a": "another edition " * 1000})
    python_reference.cache_clear()
    assert python_reference().sha256 == PYTHON_REFERENCE_SHA256


def test_a_changed_text_is_refused_and_says_how_to_get_it_back(tmp_path, monkeypatch):
    changed = tmp_path / "python_reference.txt"
    changed.write_bytes(corpus.PYTHON_REFERENCE.read_bytes().replace(b"\n", b"\r\n", 1))
    monkeypatch.setattr(corpus, "PYTHON_REFERENCE", changed)
    python_reference.cache_clear()
    with pytest.raises(ValueError, match=r"is not the text that everything was recorded on .* git checkout -- data/corpus"):
        python_reference()
    python_reference.cache_clear()


def test_default_corpus_has_the_reference_losses_the_lessons_quote():
    text = load()
    assert 3.2 < text.unigram_entropy < 3.3
    assert 2.4 < text.bigram_entropy < 2.5


def test_a_batch_is_text_and_its_targets_are_the_next_bytes():
    text = load()
    batch = text.batches(8, 64, seed=3)(5)
    assert batch.inputs.shape == batch.targets.shape == (8, 64)
    assert torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1])
    assert bytes(batch.inputs[0].tolist()) in bytes(text.train.tolist())


def test_batches_repeat_per_seed_and_step_whatever_was_asked_before():
    first, second = load().batches(4, 32, seed=1), load().batches(4, 32, seed=1)
    first(0)
    assert torch.equal(first(7).inputs, second(7).inputs)
    assert not torch.equal(first(7).inputs, first(8).inputs)
    assert not torch.equal(first(7).inputs, load().batches(4, 32, seed=2)(7).inputs)


def test_validation_text_is_never_trained_on():
    text = load()
    held_out = text.batches(4, 64, seed=0, split="validation")(0)
    assert bytes(held_out.inputs[0].tolist()) not in bytes(text.train.tolist())


def test_the_filter_leaves_no_degenerate_row():
    source = load().batches(64, 32, seed=0, min_distinct_bytes=4)
    plain = load().batches(64, 32, seed=0)
    assert any((distinct_bytes(plain(step).inputs) <= 3).any() for step in range(40))
    rows = torch.cat([torch.cat([b.inputs, b.targets[:, -1:]], dim=1) for b in map(source, range(40))])
    assert distinct_bytes(rows).min() >= 4


def test_a_filter_that_nothing_passes_is_an_error_and_not_an_endless_loop():
    with pytest.raises(ValueError, match="min_distinct_bytes is 4"):
        TWO_LETTERS.batches(4, 32, seed=0, min_distinct_bytes=4)(0)


def test_any_utf8_file_can_be_read_and_another_encoding_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("größer, schöner, weiter. " * 100, encoding="utf-8")
    assert Corpus.from_file(tmp_path / "mine.txt").name == "mine"
    (tmp_path / "latin.txt").write_text("größer " * 300, encoding="latin-1")
    with pytest.raises(ValueError, match="not UTF-8"):
        Corpus.from_file(tmp_path / "latin.txt")


@pytest.mark.parametrize("bad", [{"split": "test"}, {"context": 10**6}])
def test_impossible_batches_are_refused_by_name(bad):
    arguments = {"batch_size": 4, "context": 32, "seed": 0} | bad
    with pytest.raises(ValueError, match=next(iter(bad))):
        load().batches(**arguments)


@pytest.mark.parametrize(
    "kind, seen",
    [
        ("repeated_byte", lambda clean, bad: bad.inputs.unique().numel() == 1 and torch.equal(bad.inputs, bad.targets)),
        ("one_label", lambda clean, bad: torch.equal(bad.inputs, clean.inputs) and bad.targets.unique().numel() == 1),
        ("random_bytes", lambda clean, bad: bad.inputs.unique().numel() > 100),
        (
            "shuffled_labels",
            lambda clean, bad: (
                torch.equal(bad.inputs, clean.inputs)
                and not torch.equal(bad.targets, clean.targets)
                and torch.equal(bad.targets.flatten().sort().values, clean.targets.flatten().sort().values)
            ),
        ),
        ("rare_document", lambda clean, bad: set(bad.inputs.unique().tolist()) <= set(load().rarest_bytes(16).tolist())),
    ],
)
def test_each_pathology_is_what_it_says_and_touches_only_its_steps(kind, seen):
    clean = load().batches(8, 32, seed=0)
    source = inject(clean, [Injection(kind, (60, 61))], load(), seed=0)
    assert seen(clean(60), source(60))
    assert torch.equal(source(60).inputs, source(60).inputs)
    assert torch.equal(source(59).inputs, clean(59).inputs) and torch.equal(source(62).targets, clean(62).targets)


def test_an_unknown_pathology_is_refused():
    with pytest.raises(ValueError, match="kind is 'noise'"):
        Injection("noise", (1,))
