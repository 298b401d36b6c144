import random

import nbformat
import pytest

from autograder import judge, orders, release
from autograder.keys import QuizKey
from stabilitylab import exercises, notebooks, workspace


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
