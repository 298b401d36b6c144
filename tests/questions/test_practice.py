import dataclasses
from datetime import UTC, datetime, timedelta

import pytest

from stabilitylab.questions import answers, bank, cards, practice


def attempt(right, when):
    return {"given": "a", "right": right, "when": when.astimezone().strftime(answers.WHEN)}


NOW = datetime.now(UTC)
FIRST, SECOND, THIRD = list(bank.load().values())[:3]


def test_a_question_comes_back_later_the_better_it_is_known():
    once = practice.due(FIRST, [attempt(True, NOW)])
    known = practice.due(FIRST, [attempt(True, NOW - timedelta(days=9 - 3 * n)) for n in range(4)])
    wrong = practice.due(FIRST, [attempt(False, NOW)])
    assert practice.due(FIRST, []) is None
    assert wrong < once < known and known > NOW + timedelta(days=5)


def test_due_questions_come_first_then_new_ones_and_known_ones_not_at_all():
    from stabilitylab import workspace

    kept = {
        SECOND.id: [attempt(False, NOW - timedelta(days=3))],
        THIRD.id: [attempt(True, NOW - timedelta(days=n)) for n in (9, 6, 3, 0)],
    }
    workspace.save("answers", answers.VERSION, kept)
    queue = practice.queue(lesson="01")
    assert queue[:2] == [SECOND, FIRST] and THIRD not in queue
    assert all(question.topic == "adam" for question in practice.queue(topic="adam"))
    with pytest.raises(ValueError, match="topic 'weather'"):
        practice.queue(topic="weather")


def test_anki_imports_the_cards_and_an_update_replaces_them(tmp_path):
    from anki.collection import Collection, ImportAnkiPackageOptions, ImportAnkiPackageRequest

    collection = Collection(str(tmp_path / "collection.anki2"))

    def imported(asked, when):
        cards.write(tmp_path / "cards.apkg", asked, when)
        options = ImportAnkiPackageOptions()
        collection.import_anki_package(ImportAnkiPackageRequest(package_path=str(tmp_path / "cards.apkg"), options=options))
        return [collection.get_note(id) for id in collection.find_notes("")]

    every = list(bank.load().values())
    before = imported(every, 1_700_000_000)
    after = imported([dataclasses.replace(every[0], question="Reworded?"), *every[1:]], 1_700_000_060)
    assert [note.id for note in before] == [note.id for note in after] and len(after) == len(every)
    assert sum("Reworded?" in note["Question"] for note in before) == 0
    assert sum("Reworded?" in note["Question"] for note in after) == 1
    collection.close()


def test_cards_go_to_a_file_that_anki_takes(tmp_path):
    with pytest.raises(ValueError, match=r"cards\.txt; Anki imports"):
        cards.write(tmp_path / "cards.txt", [FIRST])
    assert list(tmp_path.iterdir()) == []
