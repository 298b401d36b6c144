import json
import random
import shutil

import nbformat
import pytest

from autograder import judge, orders, release
from autograder.cli import main
from autograder.keys import QuizKey
from stabilitylab import exercises, workspace
from stabilitylab.lessons import notebooks
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


def test_a_shuffled_release_is_kept_by_the_next_one_and_passes_the_check(monkeypatch, tmp_path):
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(release, "visible_checks", lambda name: (exercises.CHECKS / f"{name}.json").read_text())
    monkeypatch.setattr(orders, "drawn", lambda notebook, chance: {"quiz_nan": "dacb", "quiz_adam": "badc"})
    released = tmp_path / "exercises" / "a1_clipping" / "a1_clipping.ipynb"
    release.release(["a1_clipping"], shuffle=True)
    first = released.read_bytes()
    assert release.order("a1_clipping")["quiz_nan"] == "dacb"
    assert release.release(["a1_clipping"]) == [] and released.read_bytes() == first
    assert release.release(["a1_clipping"], check=True) == []
    assert release.leaks("a1_clipping", nbformat.writes(nbformat.read(released, as_version=4))) == []


ONE, SEVERAL = exercises.quiz("answer_x"), exercises.quiz("answer_x", several=True)


@pytest.mark.parametrize(
    "question, right, answer, order, share, says",
    [
        (ONE, "b", "b", "abcd", 1.0, ()),
        (ONE, "b", "a", "abcd", 0.0, ("not a",)),
        (ONE, "b", "d", "acdb", 1.0, ()),
        (ONE, "b", "b", "acdb", 0.0, ("not c",)),
        (ONE, "b", "bd", "abcd", 0.0, ("answer_x must be one of the letters a, b, c, d.",)),
        (ONE, "b", ["b"], "abcd", 0.0, ("answer_x must be one of the letters a, b, c, d.",)),
        (SEVERAL, "bd", "db", "abcd", 1.0, ()),
        (SEVERAL, "bd", "b", "abcd", 0.5, ("1 more of the choices is right.",)),
        (SEVERAL, "bd", "bda", "abcd", 0.5, ("not a",)),
        (SEVERAL, "bd", "abcd", "abcd", 0.0, ("not a", "not c")),
        (SEVERAL, "bd", "bb", "abcd", 0.0, ('answer_x must be one or more of the letters a, b, c, d, as in "ac".',)),
    ],
)
def test_what_a_quiz_answer_earns_and_is_told(question, right, answer, order, share, says):
    key = QuizKey(right, {letter: f"not {letter}" for letter in "abcd" if letter not in right})
    mark = judge._mark_choice(question, key, answer, order)
    assert (mark.share, mark.feedback) == (share, says)


@pytest.mark.parametrize("name", release.assignments())
def test_every_wrong_choice_has_its_sentence(name):
    for grade_id, key in judge.keys(name).items():
        question = exercises.questions(name)[grade_id]
        assert set(key.right) | set(key.wrong) == set(question.options) and not set(key.right) & set(key.wrong)
        assert len(key.right) == 1 or question.several


def test_a_learner_of_a_shuffled_release_is_marked_by_the_words_that_were_chosen(monkeypatch, tmp_path):
    shutil.copytree(workspace.EXERCISES, tmp_path / "exercises")
    monkeypatch.setattr(workspace, "EXERCISES", tmp_path / "exercises")
    monkeypatch.setattr(release, "visible_checks", lambda name: (exercises.CHECKS / f"{name}.json").read_text())
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


@pytest.fixture(scope="module")
def what_learners_get():
    """Everything that is handed out, as one text: without solutions/ and autograder/."""
    folders = ("exercises", "data", "stabilitylab", "notebooks")
    files = [
        path
        for folder in folders
        for path in (workspace.ROOT / folder).rglob("*")
        if path.suffix in (".py", ".ipynb", ".yaml", ".json")
    ]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


@pytest.mark.parametrize("name", release.assignments())
def test_no_sentence_of_a_key_is_in_anything_that_learners_get(name, what_learners_get):
    sentences = [sentence for key in judge.keys(name).values() for sentence in key.wrong.values()]
    assert [sentence for sentence in sentences if sentence in what_learners_get] == []
