import pytest

from stabilitylab import exercises
from stabilitylab.lessons import predictions, progress
from stabilitylab.questions import answers, bank


def lesson(number):
    return next(lesson for lesson in progress.lessons() if lesson.name.startswith(number))


@pytest.fixture(autouse=True)
def silent(monkeypatch):
    monkeypatch.setattr(predictions, "display", lambda *shown, **options: None)


def answer(number, right):
    for question in bank.select(number):
        if question.kind == "numeric":
            answers.keep(question, question.answer if right else -1.0)
        else:
            answers.keep(question, question.answer if right else ["b"] if "b" not in question.answer else ["a"])


def test_at_first_nothing_is_done_and_the_first_lesson_comes_next():
    standing = progress.lessons()
    assert not any(lesson.run or lesson.predicted or lesson.quiz[0] for lesson in standing)
    assert progress.advice(standing, progress.assignments()) == "Work through lesson 00, Start here."


def test_a_prediction_counts_and_so_does_whether_it_came_true():
    predictions.commit("01-textbook", "It simply trains")
    predictions.commit("01-hot", "NaN or inf")
    predictions.review("01-textbook", "it trained", outcome="It simply trains")
    predictions.review("01-hot", "it stalled", outcome="something else")
    assert (lesson("01").predicted, lesson("01").came_true) == (2, 1)
    assert lesson("01").run and not lesson("02").run


def test_advice_goes_from_the_lesson_to_its_quiz_to_its_assignment_to_the_next_lesson():
    def advice():
        return progress.advice(progress.lessons(), progress.assignments())

    for key in ("00-ten-times-lr", "01-hot"):
        predictions.review(key, "it happened")
    assert advice().startswith("Answer the quiz of lesson 01")
    answer("01", right=False)
    assert "0 of 5 are right" in advice()
    answer("01", right=True)
    assert advice().startswith("Work through lesson 02")
    predictions.review("02-anything", "it happened")
    answer("02", right=True)
    assert advice() == "Do a2_schedules: 0 of its 5 checked questions pass so far."
    checks = {**progress.assignments(), "a2_schedules": (5, 5)}
    assert progress.advice(progress.lessons(), checks).startswith("Work through lesson 03")


def test_a_check_that_passes_is_remembered_and_one_that_fails_no_longer_counts(capsys):
    from autograder.reference import a1_clipping as reference

    exercises.check("a1_clipping/clip_grad_norm", reference.clip_grad_norm)
    assert progress.assignments()["a1_clipping"] == (1, 4)
    with pytest.raises(exercises.CheckFailed):
        exercises.check("a1_clipping/clip_grad_norm", lambda gradients, limit: (gradients, 0.0))
    assert progress.assignments()["a1_clipping"] == (0, 4)


def test_a_check_passes_where_nothing_can_be_written(monkeypatch, capsys):
    from autograder.reference import a1_clipping as reference

    def refuse(*given):
        raise PermissionError("read only")

    monkeypatch.setattr(exercises.checks.workspace, "write_atomically", refuse)
    exercises.check("a1_clipping/clip_grad_norm", reference.clip_grad_norm)
    assert "checks pass" in capsys.readouterr().out


def test_the_table_names_every_lesson_and_what_comes_next():
    table = progress.table()
    assert (
        "| 01 Adam at a constant learning rate |" in table
        and "a1_clipping, 0 of 4" in table
        and "**Next:** Work through" in table
    )
