"""The keys of quiz questions."""

import dataclasses

import pytest

from autograder import judge, release
from autograder.keys import QuizKey


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
