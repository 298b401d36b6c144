"""The order of the choices: drawn, read back from the words, and kept. Real releases are in the slow tests."""

import json
import random
import shutil

import nbformat
import pytest

from autograder import judge, orders, release
from autograder.cli import main
from stabilitylab import exercises, workspace
from stabilitylab.lessons import notebooks
from tests.autograder import toy as made_up
from tests.classroom.handing_in import NAME, cell, hand_in, notebook


def source(name):
    return notebooks.derive(release.SOLUTIONS / name / f"{name}.py")


@pytest.mark.parametrize("name", release.assignments())
def test_every_quiz_question_is_found_and_an_order_is_read_back_from_the_words(name):
    quizzes = {grade_id for grade_id, question in exercises.questions(name).items() if question.options}
    plain, mixed = source(name), source(name)
    assert set(orders.choices(plain)) == quizzes
    drawn = orders.drawn(plain, random.Random(1))
    orders.rearrange(mixed, drawn)
    assert orders.of(plain, mixed) == drawn
    assert orders.of(plain, plain) == dict.fromkeys(quizzes, "abcd")
    assert any(order != "abcd" for order in drawn.values())


def test_a_released_letter_keeps_its_words():
    plain, mixed = source("a1_clipping"), source("a1_clipping")
    orders.rearrange(mixed, {"quiz_nan": "dacb"})
    before, after = orders.choices(plain)["quiz_nan"], orders.choices(mixed)["quiz_nan"]
    assert after == [before[3], before[0], before[2], before[1]]
    assert orders.choices(mixed)["quiz_adam"] == orders.choices(plain)["quiz_adam"]


def test_a_choice_of_two_lines_moves_as_a_whole_and_its_words_count_however_they_are_wrapped():
    plain, wrapped = source("a1_clipping"), source("a1_clipping")
    (asked,) = (each for each in wrapped.cells if each.metadata.get("nbgrader", {}).get("grade_id") == "quiz_nan_text")
    first = next(line for line in asked.source.splitlines() if line.startswith("- **a**"))
    head, _, last = first.rpartition(" ")
    asked.source = asked.source.replace(first, f"{head}\n  {last}")
    assert orders.choices(wrapped) == orders.choices(plain)
    orders.rearrange(wrapped, {"quiz_nan": "dacb"})
    assert f"- **b** {head.removeprefix('- **a** ')}\n  {last}\n" in asked.source
    assert orders.of(plain, wrapped)["quiz_nan"] == "dacb"


@pytest.mark.slow
def test_a_shuffled_release_is_kept_by_the_next_one_and_passes_the_check(monkeypatch, tmp_path):
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(release, "visible_checks", lambda name: (exercises.checks.CHECKS / f"{name}.json").read_text())
    monkeypatch.setattr(orders, "drawn", lambda notebook, chance: {"quiz_nan": "dacb", "quiz_adam": "badc"})
    released = tmp_path / "exercises" / "a1_clipping" / "a1_clipping.ipynb"
    release.release(["a1_clipping"], shuffle=True)
    first = released.read_bytes()
    assert release.order("a1_clipping")["quiz_nan"] == "dacb"
    assert release.release(["a1_clipping"]) == [] and released.read_bytes() == first
    assert release.release(["a1_clipping"], check=True) == []
    assert release.leaks("a1_clipping", nbformat.writes(nbformat.read(released, as_version=4))) == []


@pytest.mark.slow
def test_a_learner_of_a_shuffled_release_is_marked_by_the_words_that_were_chosen(monkeypatch, tmp_path):
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(release, "visible_checks", lambda name: (exercises.checks.CHECKS / f"{name}.json").read_text())
    monkeypatch.setattr(
        orders, "drawn", lambda notebook, chance: {"quiz_nan": "dacb", "quiz_direction": "abcd", "quiz_adam": "abcd"}
    )
    release.release([NAME], shuffle=True)
    for student, letter in {"by_the_words": "a", "by_last_year": judge.keys(NAME)["quiz_nan"].right}.items():
        made = notebook("solutions")
        cell(made, "quiz_nan_code").source = f'answer_nan = "{letter}"'
        hand_in(tmp_path / "class", student, made)
    report = tmp_path / "report.json"
    where = ["--submissions", str(tmp_path / "class"), "--workdir", str(tmp_path / "grading"), "--report", str(report)]
    assert main(["grade", NAME, *where]) == 0
    marks = {name: student["questions"]["quiz_nan"] for name, student in json.loads(report.read_text())["students"].items()}
    assert marks["by_the_words"]["score"] == 1
    assert marks["by_last_year"]["score"] == 0 and marks["by_last_year"]["feedback"] == [judge.keys(NAME)["quiz_nan"].wrong["b"]]
    page = (tmp_path / "grading" / "feedback" / "by_the_words" / NAME / f"{NAME}.html").read_text()
    shown = orders.choices(source(NAME))["quiz_nan"][3].partition(",")[0]
    assert shown in page


@pytest.fixture
def made():
    return made_up.solution()


def reading(texts, kind="markdown", name="quiz_x_text"):
    lines = "\n".join(f"- **{letter}** {text}" for letter, text in zip("abcdefgh", texts))
    cell = nbformat.v4.new_markdown_cell(f"## Which?\n\n{lines}\n")
    cell.cell_type = kind
    cell.metadata = nbformat.from_dict({"nbgrader": {"grade_id": name}} if name else {})
    made = nbformat.v4.new_notebook()
    made.cells = [cell]
    return made


def test_only_the_text_of_a_question_holds_its_choices(made):
    assert orders.choices(made) == {
        "quiz_one": ["The first.", "Second, rightly.", "The third.", "Last."],
        "quiz_some": ["One.", "Twice one.", "Three.", "Twice three."],
    }
    assert orders.choices(reading(["x", "y"])) == {"quiz_x": ["x", "y"]}
    for other in (reading(["x"], kind="code"), reading(["x"], name="quiz_x"), reading(["x"], name=None), reading([])):
        assert orders.choices(other) == {}


def test_as_many_letters_are_drawn_as_there_are_choices():
    for count in (2, 3, 8):
        drawn = orders.drawn(reading([f"choice {n}" for n in range(count)]), random.Random(3))
        assert sorted(drawn["quiz_x"]) == list("abcdefgh"[:count])


def test_every_order_is_drawn_some_time():
    chance = random.Random(0)
    assert {orders.drawn(reading(["x", "y", "z"]), chance)["quiz_x"] for _ in range(200)} == {
        "abc",
        "acb",
        "bac",
        "bca",
        "cab",
        "cba",
    }


def test_an_order_is_found_from_the_words_alone():
    source = reading(["one", "two", "three", "four", "five", "six", "seven", "eight"])
    released = reading(["eight", "one", "three", "two", "four", "five", "seven", "six"])
    assert orders.of(source, released) == {"quiz_x": "hacbdegf"}
    assert orders.of(source, source) == {"quiz_x": "abcdefgh"}


def test_where_the_words_differ_the_order_is_the_sources():
    source = reading(["one", "two", "three"])
    for other in (["three", "two"], ["three", "two", "1"], ["three", "two", "one", "four"], []):
        assert orders.of(source, reading(other)) == {"quiz_x": "abc"}
    assert orders.of(source, reading(["three", "two", "one"], name="quiz_y_text")) == {"quiz_x": "abc"}


def test_rearranging_moves_the_words_on_all_their_lines_and_nothing_around_them(made):
    before = [cell.source for cell in made.cells]
    question = made_up.cell(made, "quiz_one_text")
    question.source = question.source.replace("- **c**", "  More of b.\n\nBetween.\n\n- **c**") + "\n\nAfter."
    orders.rearrange(made, {"quiz_one": "cadb", "quiz_other": "ba"})
    first, second = "- **a** The third.\n- **b** The first.", "- **c** Last.\n- **d** Second, rightly.\n  More of b."
    assert question.source == f"## Which?\n\n{first}\n\nBetween.\n\n{second}\n\nAfter."
    others = [number for number, cell in enumerate(made.cells) if cell is not question]
    assert [made.cells[number].source for number in others] == [before[number] for number in others]


def test_without_an_order_nothing_moves(made):
    before = [cell.source for cell in made.cells]
    orders.rearrange(made, {})
    orders.rearrange(made, {"double": "ba", "quiz_one": ""})
    assert [cell.source for cell in made.cells] == before
