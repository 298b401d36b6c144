"""The keys of quiz questions."""

import dataclasses

import pytest

from autograder import judge, release
from autograder.keys import QuizKey
from stabilitylab import exercises, workspace


def test_a_key_cannot_be_changed_by_whoever_marks_with_it():
    key = QuizKey("bd", {"a": "No.", "c": "No."})
    assert key == QuizKey(right="bd", wrong={"a": "No.", "c": "No."})
    with pytest.raises(dataclasses.FrozenInstanceError):
        key.right = "a"


@pytest.mark.parametrize("name", release.assignments())
def test_every_key_has_letters_and_sentences(name):
    for grade_id, key in judge.keys(name).items():
        assert grade_id.startswith("quiz_") and isinstance(key, QuizKey) and set(key.right) <= set("abcd")
        assert all(sentence.endswith((".", "?", "!")) for sentence in key.wrong.values())


@pytest.mark.parametrize("name", release.assignments())
def test_every_wrong_choice_has_its_sentence(name):
    for grade_id, key in judge.keys(name).items():
        question = exercises.questions(name)[grade_id]
        assert set(key.right) | set(key.wrong) == set(question.options) and not set(key.right) & set(key.wrong)
        assert len(key.right) == 1 or question.several


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
