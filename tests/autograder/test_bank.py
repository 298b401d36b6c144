"""How the bank of answers is read. Whether the grader judges them as they deserve is in test_trial.py and test_grading.py."""

import dataclasses

import pytest

from autograder import bank
from autograder.bank import Answer
from tests.autograder.toy import NAME


def test_answers_are_read_with_their_sentences_wrong_ones_first(toy):
    found = bank.answers(NAME)
    assert [(a.question, a.name, a.right) for a in found] == [
        ("double", "wrong_positive", False),
        ("double", "wrong_raises", False),
        ("double", "wrong_same", False),
        ("double", "right_sum", True),
        ("near", "wrong_does_nothing", False),
        ("near", "wrong_far", False),
        ("near", "right_next", True),
    ]
    source = '"""You lose the sign."""\n\n\ndef double(x):\n    return abs(2 * x)\n'
    assert found[0] == Answer(NAME, "double", "wrong_positive", False, "You lose the sign.", source)
    assert bank.answers(NAME) is found
    with pytest.raises(dataclasses.FrozenInstanceError):
        found[0].right = True


def test_a_sentence_over_several_lines_is_one_line(toy):
    path = toy / "bank" / NAME / "near" / "wrong_long.py"
    path.write_text('"""You stop\n  in the\n\nmiddle."""\n')
    assert next(a for a in bank.answers(NAME) if a.name == "wrong_long").sentence == "You stop in the middle."


@pytest.mark.parametrize(
    "name, source, said",
    [
        ("helper.py", '"""Helps."""', "is named neither wrong_... nor right_..."),
        ("wrong_silent.py", "x = 1", "has no docstring; it is the sentence a learner reads"),
        ("right_empty.py", '""""""', "has no docstring"),
    ],
)
def test_a_file_that_is_no_answer_is_named(toy, name, source, said):
    path = toy / "bank" / NAME / "near" / name
    path.write_text(source)
    with pytest.raises(ValueError, match=said) as error:
        bank.answers(NAME)
    assert str(path) in str(error.value)


def test_folders_are_assignments_and_nothing_else_is(toy):
    (toy / "bank" / "__pycache__").mkdir()
    (toy / "bank" / "another").mkdir()
    (toy / "bank" / "__init__.py").touch()
    assert bank.assignments() == ("another", NAME)
    assert bank.answers("another") == ()


def test_every_assignment_of_the_course_has_a_bank():
    from autograder import release

    assert bank.assignments() == release.assignments() and len(bank.assignments()) == 6
    for name in bank.assignments():
        assert {True, False} == {answer.right for answer in bank.answers(name)}
