import pytest
import yaml

from stabilitylab.questions import answers, bank, quiz
from stabilitylab.questions.bank import Choice, Interview, Question

SINGLE = Question(
    id="03-x",
    kind="single",
    topic="clipping",
    level=1,
    question="Which?",
    choices=(Choice("this", "because"), Choice("that", "it forgets"), Choice("both", "it cannot")),
    answer="a",
    lesson="03_spikes_and_clipping",
)


def changed(**changes):
    return Question(**{**vars(SINGLE), **changes})


MULTIPLE = changed(id="03-m", kind="multiple", answer=["a", "c"])
NUMERIC = changed(
    id="03-n", kind="numeric", answer=10, tolerance=0.01, explain="the root", choices=(Choice("100", "it forgets the root"),)
)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"id": "04-x"}, "id must begin with the lesson's number, 03-"),
        ({"kind": "essay"}, "kind is 'essay'"),
        ({"topic": "weather"}, "topic is 'weather'"),
        ({"level": 4}, "level is 4"),
        ({"answer": "d"}, "answer is 'd'; it must be one of a, b, c"),
        ({"kind": "multiple", "answer": []}, "answer is \\[\\]"),
        ({"kind": "numeric", "answer": 3, "tolerance": 0.1}, "needs a number as its answer"),
        ({"choices": SINGLE.choices[:2]}, "choices holds 2"),
        ({"choices": (*SINGLE.choices, Choice("x", ""))}, "choice 'x' has no explanation"),
        ({"choices": (*SINGLE.choices, Choice("`x`", "y"))}, "plain text"),
        ({"sources": ["nobody-1999"]}, "'nobody-1999'"),
        ({"experiments": ["nothing"]}, "'nothing'"),
        ({"claims": ["Z9"]}, "'Z9'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_in_a_sentence(changes, says):
    with pytest.raises(ValueError, match=says):
        changed(**changes)


def test_a_number_that_the_tolerance_lets_pass_is_no_mistake():
    with pytest.raises(ValueError, match=r"choices holds 10\.05, which the tolerance lets pass"):
        Question(**{**vars(NUMERIC), "choices": (Choice("10.05", "nearly"),)})


def test_a_file_with_an_unknown_field_or_an_id_twice_is_refused(tmp_path):
    entry = {"id": "03-x", "kind": "single", "topic": "clipping", "level": 1, "question": "?", "answer": "a"}
    entry["choices"] = [{"text": text, "explain": "so"} for text in "pqr"]
    for entries, says in (([entry | {"colour": "red"}], "question 03-x: .*colour"), ([entry, dict(entry)], "used 2 times")):
        (tmp_path / "q.yaml").write_text(yaml.safe_dump({"lesson": "03_spikes", "questions": entries}))
        with pytest.raises(ValueError, match=says):
            bank.read(tmp_path / "q.yaml")


def test_the_bank_loads_and_is_found_by_id_and_by_lesson():
    first = next(iter(bank.load().values()))
    assert bank.select(first.id) == [first]
    assert first in bank.select(first.lesson[:2])
    with pytest.raises(ValueError, match="name is '99'"):
        bank.select("99")


FREE = changed(
    id="03-f",
    kind="free",
    answer=None,
    choices=(),
    experiments=["clipping-facts"],
    interview=Interview("s", "f", "p", ("1", "2", "3"), "w", "r", ("0", "1", "2", "3", "4")),
)


def interviewed(**changes):
    return Question(**{**vars(FREE), "interview": Interview(**{**vars(FREE.interview), **changes})})


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Question(**{**vars(FREE), "interview": None}), "needs an interview block"),
        (lambda: interviewed(follow_ups=("1", "2")), "follow_ups holds 2; write 3"),
        (lambda: interviewed(rubric=("0", "4")), "rubric holds 2; write 5"),
        (lambda: interviewed(rubric=("0", "1", "", "3", "4")), "rubric is empty"),
        (lambda: interviewed(popular=""), "popular is empty"),
        (lambda: Question(**{**vars(FREE), "experiments": []}), "name the one whose run refutes"),
        (lambda: Question(**{**vars(FREE), "kind": "code", "answer": "a9/x"}), "answer is 'a9/x'; it must name a check"),
    ],
)
def test_an_interview_question_that_lacks_a_part_is_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()


def test_a_score_of_one_s_own_counts_from_three():
    assert not answers.keep(FREE, 2) and answers.keep(FREE, 3)


@pytest.mark.parametrize(
    "question, typed, read",
    [(SINGLE, " B ", "b"), (MULTIPLE, "c, a", ["a", "c"]), (NUMERIC, "9,98", 9.98), (NUMERIC, "1e-2", 0.01)],
)
def test_what_is_typed_is_read(question, typed, read):
    assert answers.read(question, typed) == read


@pytest.mark.parametrize(
    "question, typed, says",
    [
        (SINGLE, "ab", "type one of a, b, c"),
        (SINGLE, "", "one of"),
        (MULTIPLE, "x", "some of a, b, c"),
        (NUMERIC, "ten", "is no number"),
    ],
)
def test_what_cannot_be_read_is_answered_in_a_sentence(question, typed, says):
    with pytest.raises(ValueError, match=says):
        answers.read(question, typed)


def test_right_and_wrong():
    assert SINGLE.is_right("a") and not SINGLE.is_right("b")
    assert MULTIPLE.is_right(["c", "a"]) and not MULTIPLE.is_right(["a"]) and not MULTIPLE.is_right(["a", "b", "c"])
    assert NUMERIC.is_right(10.05) and not NUMERIC.is_right(10.5)


def test_feedback_names_the_mistake():
    assert answers.feedback(SINGLE, "b") == ["No.", "b) it forgets"]
    assert answers.feedback(MULTIPLE, ["a", "b"]) == [
        "Not yet.",
        "a) because",
        "b) it forgets",
        "1 more of the choices is right.",
    ]
    assert answers.feedback(NUMERIC, 100.0) == ["No. it forgets the root"]
    assert answers.feedback(NUMERIC, 10.0) == ["Right. the root"]
    assert "not one of the usual mistakes" in answers.feedback(NUMERIC, 3.0)[0]


def test_answers_are_remembered_with_every_attempt():
    answers.keep(SINGLE, "b")
    answers.keep(SINGLE, "a")
    assert [(attempt["given"], attempt["right"]) for attempt in answers.load()["03-x"]] == [("b", False), ("a", True)]


@pytest.fixture
def shown(monkeypatch):
    seen = []
    monkeypatch.setattr(quiz, "display", lambda data, raw: seen.append(data))
    monkeypatch.setattr(bank, "select", lambda name: [SINGLE, MULTIPLE, NUMERIC])
    return seen


def test_where_there_are_no_widgets_choices_unfold_to_their_reasons(shown):
    quiz.quiz("03")
    text = shown[0]["text/html"]
    assert text.count("<details>") == 3 + 3 + 1
    assert "<summary>b) that</summary>No. it forgets</details>" in text and "10. the root" in text


@pytest.mark.parametrize(
    "question, choose, given",
    [
        (SINGLE, lambda inputs: setattr(inputs[0], "value", "b) that"), "b"),
        (MULTIPLE, lambda inputs: [setattr(box, "value", True) for box in inputs[:2]], ["a", "b"]),
        (NUMERIC, lambda inputs: setattr(inputs[0], "value", "1e2"), 100.0),
    ],
)
def test_a_card_checks_only_what_can_be_checked_and_says_why(question, choose, given):
    card = quiz._Card(question, 1)
    assert card.button.disabled
    choose(card.inputs)
    assert card.given() == given and not card.button.disabled
    card.button.click()
    assert "it forgets" in card.said.value
    assert answers.load()[question.id][0]["given"] == given
    assert "not right" in quiz._Card(question, 1).said.value


def test_what_is_typed_that_is_no_number_cannot_be_checked():
    card = quiz._Card(NUMERIC, 1)
    card.inputs[0].value = "ten"
    assert card.button.disabled
    card.inputs[0].value = "9,98"
    assert card.given() == 9.98
