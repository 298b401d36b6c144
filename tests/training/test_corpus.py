import hashlib
import math
import re
from collections import Counter
from itertools import pairwise

import pytest
import torch

from stabilitylab.training import corpus
from stabilitylab.training.corpus import (
    PYTHON_REFERENCE_SHA256,
    VOCABULARY,
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


def test_a_corpus_needs_a_thousand_bytes_and_keeps_a_tenth_aside():
    corpus = Corpus(bytes(range(250)) * 4, "short")
    assert (len(corpus.train), len(corpus.validation)) == (900, 100)
    assert bytes(corpus.train.tolist()) + bytes(corpus.validation.tolist()) == bytes(range(250)) * 4
    assert corpus.name == "short" and corpus.sha256 == hashlib.sha256(bytes(range(250)) * 4).hexdigest()
    with pytest.raises(ValueError, match="data holds 999 bytes; a corpus needs at least 1000"):
        Corpus(b"a" * 999, "too short")


@pytest.mark.parametrize("fraction, held_out", [(0.25, 500), (0.0001, 1), (0.9995, 1999)])
def test_the_share_held_out_is_the_one_asked_for_and_never_nothing(fraction, held_out):
    corpus = Corpus(b"ab" * 1000, "two letters", fraction)
    assert (len(corpus.validation), len(corpus.train)) == (held_out, 2000 - held_out)


@pytest.mark.parametrize("fraction", [0, 1, -0.1, 1.5, math.nan])
def test_a_share_outside_0_to_1_is_refused(fraction):
    with pytest.raises(ValueError, match=f"validation_fraction is {fraction}; choose a share between 0 and 1"):
        Corpus(b"ab" * 1000, "two letters", fraction)


def test_a_file_that_is_not_utf8_is_named_with_the_place(tmp_path):
    path = tmp_path / "broken.txt"
    path.write_bytes(b"a" * 1234 + b"\xff")
    with pytest.raises(ValueError, match=re.escape(f"{path} is not UTF-8 text (byte 1234); save it as UTF-8 first")):
        Corpus.from_file(path)
    path.write_bytes(b"ab" * 1000)
    assert len(Corpus.from_file(str(path)).validation) == 200 and len(Corpus.from_file(path, 0.5).validation) == 1000


def test_counts_entropies_and_rare_bytes_agree_with_counting_by_hand():
    text = b"the cat sat on the mat, that is a fact. " * 50
    corpus = Corpus(text, "cat")
    train = bytes(corpus.train.tolist())
    singles, pairs, firsts = Counter(train), Counter(pairwise(train)), Counter(train[:-1])
    assert {byte: n for byte, n in enumerate(corpus.byte_counts.tolist()) if n} == singles and len(corpus.byte_counts) == 256
    assert corpus.unigram_entropy == pytest.approx(-sum(n / len(train) * math.log(n / len(train)) for n in singles.values()))
    by_pairs = -sum(n / (len(train) - 1) * math.log(n / firsts[a]) for (a, _), n in pairs.items())
    assert corpus.bigram_entropy == pytest.approx(by_pairs)
    assert corpus.rarest_bytes(VOCABULARY).tolist() == sorted(range(256), key=lambda byte: singles[byte])  # ties in their order
    assert corpus.rarest_bytes(3).tolist() == [0, 1, 2]


def test_distinct_bytes_are_counted_row_by_row():
    assert distinct_bytes(torch.tensor([[1, 2, 1], [3, 3, 3], [0, 255, 7]])).tolist() == [2, 1, 3]


def test_every_window_of_a_short_text_is_drawn_and_none_beyond_it():
    text = Corpus(bytes(k % 251 for k in range(2000)), "counting")
    source = text.batches(8, 198, seed=0, split="validation")  # 200 bytes hold two windows of 199
    starts = {int(row[0]) for step in range(20) for row in source(step).inputs}
    assert starts == {int(text.validation[0]), int(text.validation[1])}
    assert text.batches(2, 199, seed=0, split="validation")(0).targets.shape == (2, 199)
    with pytest.raises(ValueError, match="context is 200, but the validation text of counting has only 200 bytes"):
        text.batches(8, 200, seed=0, split="validation")


def test_a_split_asked_for_in_words_from_a_file_is_that_split():
    drawn = TWO_LETTERS.batches(2, 199, seed=0, split="".join(["valid", "ation"]))(0)  # 200 bytes: one window
    assert torch.equal(drawn.inputs, TWO_LETTERS.batches(2, 199, seed=0, split="validation")(0).inputs)
    text = Corpus(bytes(k % 251 for k in range(2000)), "counting")
    drawn = text.batches(2, 1799, seed=0, split="".join(["tr", "ain"]))(0)
    assert drawn.inputs.tolist() == [text.train[:-1].tolist()] * 2


def test_an_unknown_split_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="split is 'test'; choose 'train' or 'validation'"):
        TWO_LETTERS.batches(4, 32, seed=0, split="test")


def test_a_batch_is_the_one_that_the_recorded_runs_saw():
    """Another stream of random numbers would be as good, but nothing recorded could be made again."""
    generator = torch.Generator().manual_seed(3 * 1_000_003 + 5)
    starts = torch.randint(len(load().train) - 16, (4,), generator=generator).tolist()
    batch = load().batches(4, 16, seed=3)(5)
    assert batch.inputs.tolist() == [load().train[start : start + 16].tolist() for start in starts]
    assert batch.inputs.dtype == batch.targets.dtype == torch.int64


def test_the_filter_redraws_poor_rows_only():
    plain, filtered = load().batches(64, 32, seed=0), load().batches(64, 32, seed=0, min_distinct_bytes=16)
    whole = torch.cat([plain(0).inputs, plain(0).targets[:, -1:]], dim=1)
    enough = distinct_bytes(whole) >= 16
    assert (distinct_bytes(whole) == 16).any() and not enough.all()
    assert torch.equal(filtered(0).inputs[enough], plain(0).inputs[enough])
    assert not torch.equal(filtered(0).inputs[~enough], plain(0).inputs[~enough])
    assert torch.equal(TWO_LETTERS.batches(4, 32, 0, min_distinct_bytes=2)(0).inputs, TWO_LETTERS.batches(4, 32, 0)(0).inputs)


def test_a_text_is_read_once(tmp_path):
    assert load().name == "python-reference" and python_reference() is python_reference()
    (tmp_path / "mine.txt").write_bytes(b"ab" * 1000)
    assert load(str(tmp_path / "mine.txt")) is load(str(tmp_path / "mine.txt"))


def test_the_text_a_run_names_is_read_from_its_file(tmp_path):
    (tmp_path / "mine.txt").write_bytes(b"ab" * 1000)
    assert load(str(tmp_path / "mine.txt")).sha256 == TWO_LETTERS.sha256


def test_the_pathologies_are_made_of_the_rarest_bytes_or_of_all():
    clean = load().batches(8, 32, seed=0)
    rarest = load().rarest_bytes(16).tolist()

    def of(kind):
        source = inject(clean, [Injection(kind, range(60))], load(), seed=0)
        batches = [source(step) for step in range(60)]
        assert all(batch.inputs.shape == batch.targets.shape == (8, 32) for batch in batches)
        if kind in ("random_bytes", "rare_document"):  # a text: targets are the bytes that follow
            assert all(torch.equal(batch.inputs[:, 1:], batch.targets[:, :-1]) for batch in batches)
        return torch.stack([batch.targets for batch in batches]).unique().tolist()

    assert of("one_label") == of("repeated_byte") == rarest[:1]
    assert of("rare_document") == sorted(rarest)
    assert of("random_bytes") == list(range(256))


@pytest.mark.parametrize("kind", ["random_bytes", "rare_document", "shuffled_labels"])
def test_a_drawn_pathology_is_another_at_every_step_and_seed(kind):
    clean = load().batches(8, 32, seed=0)
    same = lambda step: clean(0)  # noqa: E731
    drawn = [
        inject(same, [Injection(kind, (0, 1))], load(), seed=seed)(step).targets.tolist() for seed in (0, 1) for step in (0, 1)
    ]
    assert all(a != b for k, a in enumerate(drawn) for b in drawn[:k])


def test_an_injection_is_the_one_that_the_recorded_runs_saw():
    drawn = inject(load().batches(8, 32, seed=3), [Injection("random_bytes", (5,))], load(), seed=3)(5)
    generator = torch.Generator().manual_seed(-1 - 3 * 1_000_003 - 5)
    assert torch.equal(drawn.inputs, torch.randint(256, (8, 33), generator=generator)[:, :-1])


def test_without_injections_a_source_is_left_as_it_is():
    clean = load().batches(8, 32, seed=0)
    assert inject(clean, [], load(), seed=0) is clean
    several = inject(clean, [Injection("one_label", [3]), Injection("repeated_byte", [4])], load(), seed=0)
    assert several(3).inputs.unique().numel() > 1 and several(4).inputs.unique().numel() == 1


def test_an_injection_is_plain_data():
    assert Injection("one_label", [3, 4]) == Injection("one_label", (3, 4)) and hash(Injection("one_label", [3]))
    with pytest.raises(ValueError, match="choose one of repeated_byte, one_label, random_bytes, shuffled_labels, rare_document"):
        Injection("noise", ())
