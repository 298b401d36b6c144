import json
import re
import sqlite3
import zipfile
from dataclasses import replace

import pytest

from stabilitylab.questions import bank, cards
from stabilitylab.questions.bank import Choice
from tests.questions.made_up import FREE, MULTIPLE, NUMERIC, SINGLE


def package(folder, asked, when=1_700_000_000.0):
    """What an Anki package holds: notes by guid, each (fields, tags, time of change), and the decks and models it names."""
    assert cards.write(folder / "cards.apkg", asked, when) == len(asked)
    with zipfile.ZipFile(folder / "cards.apkg") as file:
        file.extract("collection.anki2", folder)
    database = sqlite3.connect(folder / "collection.anki2")
    notes = database.execute("SELECT guid, flds, tags, mod FROM notes ORDER BY id").fetchall()
    decks, models = map(json.loads, database.execute("SELECT decks, models FROM col").fetchone())
    database.close()
    return {guid: (fields.split("\x1f"), tags.split(), mod) for guid, fields, tags, mod in notes}, decks, models


def sides(folder, question):
    (((front, back), _, _),) = package(folder, [question])[0].values()
    return front, back


def test_anki_knows_cards_deck_and_kind_of_note_for_ever(tmp_path):
    notes, decks, models = package(tmp_path, [SINGLE, NUMERIC])
    # what learners have imported carries these: another value would give them every card twice
    assert next(iter(notes)) == "E),PG`5]X`" and len(notes) == 2
    assert decks["1763801001"]["name"] == "Stability Lab" and models["1763801002"]["name"] == "Stability Lab"
    model = models["1763801002"]
    assert [field["name"] for field in model["flds"]] == ["Question", "Answer"]
    assert model["tmpls"][0]["qfmt"] == "{{Question}}" and "{{FrontSide}}" in model["tmpls"][0]["afmt"]
    assert model["tmpls"][0]["afmt"].endswith("{{Answer}}") and ".card" in model["css"]


def test_a_card_is_tagged_with_its_lesson_and_topic_and_dated(tmp_path):
    notes, _, _ = package(tmp_path, [SINGLE], 1_600_000_000.0)
    (((_, tags, when),)) = notes.values()
    assert tags == ["lesson-03", "clipping"] and when == 1_600_000_000


def test_a_question_with_choices_as_a_card(tmp_path):
    question = replace(
        MULTIPLE,
        question="Is **a** the $x^2$?",
        choices=(Choice("a < b", "so & so"), Choice("that", "it forgets"), Choice("both", "it cannot")),
    )
    front, back = sides(tmp_path, question)
    assert front == (
        "<small>clipping</small><p>Is <strong>a</strong> the \\(x^2\\)?</p>\n"
        '<ol type="a"><li>a &lt; b</li><li>that</li><li>both</li></ol>'
    )
    assert back == (
        '<ol type="a"><li><b>right</b>: so &amp; so</li><li><b>wrong</b>: it forgets</li><li><b>right</b>: it cannot</li></ol>'
    )


def test_one_choice_or_several_are_listed_alike(tmp_path):
    front, back = sides(tmp_path, SINGLE)
    assert front.endswith('<ol type="a"><li>this</li><li>that</li><li>both</li></ol>') and back.count("<b>right</b>") == 1


def test_a_question_for_a_number_as_a_card_shows_no_mistakes_to_choose_from(tmp_path):
    front, back = sides(tmp_path, replace(NUMERIC, answer=0.00025, explain="1 < 2", choices=(Choice("100", "so"),)))
    assert front == "<small>clipping</small><p>Which?</p>\n" and back == "<p><b>0.00025</b>. 1 &lt; 2</p>"


def test_an_interview_question_as_a_card(tmp_path):
    block = replace(FREE.interview, short="In *short*.", full="The $g$.", popular="a < b", refuted_by="b & c", probing="x > y")
    front, back = sides(tmp_path, replace(FREE, interview=block, topic="adam"))
    assert front == "<small>Adam&#x27;s moments</small><p>Which?</p>\n"
    assert back == (
        "<p>In <em>short</em>.</p>\n<p>The \\(g\\).</p>\n"
        "<p><b>Popular, and wrong or half right:</b> a &lt; b b &amp; c</p>"
        "<p><i>The interviewer wants to find out: x &gt; y</i></p>"
    )


@pytest.mark.parametrize(
    "markdown, shown",
    [
        ("$a$ and $b$", "<p>\\(a\\) and \\(b\\)</p>\n"),
        ("it costs $5", "<p>it costs $5</p>\n"),
        ("no formula", "<p>no formula</p>\n"),
        ("$a$ or $5", "<p>$a$ or $5</p>\n"),
    ],
)
def test_formulas_are_in_the_brackets_that_anki_reads_and_a_lone_dollar_stays(tmp_path, markdown, shown):
    assert sides(tmp_path, replace(NUMERIC, question=markdown))[0] == f"<small>clipping</small>{shown}"


def test_every_question_of_the_bank_is_a_card_of_its_own(tmp_path):
    notes, _, _ = package(tmp_path, list(bank.load().values()))
    assert len(notes) == len(bank.load())
    for (front, back), tags, _ in notes.values():
        assert front and back and re.fullmatch(r"lesson-\d\d", tags[0]) and tags[1] in bank.TOPICS


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
    after = imported([replace(every[0], question="Reworded?"), *every[1:]], 1_700_000_060)
    assert [note.id for note in before] == [note.id for note in after] and len(after) == len(every)
    assert sum("Reworded?" in note["Question"] for note in before) == 0
    assert sum("Reworded?" in note["Question"] for note in after) == 1
    collection.close()


@pytest.mark.parametrize("name", ["cards.txt", "cards"])
def test_cards_go_to_a_file_that_anki_takes(tmp_path, name):
    with pytest.raises(ValueError, match=rf"FILE is .*{re.escape(name)}; Anki imports files that end in \.apkg"):
        cards.write(tmp_path / name, [SINGLE])
    assert list(tmp_path.iterdir()) == []


def test_a_package_that_cannot_be_made_leaves_the_old_one(tmp_path):
    cards.write(tmp_path / "cards.apkg", [SINGLE])
    before = (tmp_path / "cards.apkg").read_bytes()

    def broken():
        yield SINGLE
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError):
        cards.write(tmp_path / "cards.apkg", broken())
    assert (tmp_path / "cards.apkg").read_bytes() == before and len(list(tmp_path.iterdir())) == 1
