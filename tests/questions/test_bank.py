import re
from dataclasses import FrozenInstanceError, replace

import pytest
import yaml

from stabilitylab.questions import bank
from stabilitylab.questions.bank import Choice, Interview
from tests.questions.made_up import FREE, MULTIPLE, NUMERIC, SINGLE


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"id": "04-x"}, "question 04-x: id must begin with the lesson's number, 03-"),
        ({"id": "03x"}, "question 03x: id must begin with the lesson's number, 03-"),
        ({"kind": "essay"}, "kind is 'essay'; choose one of single, multiple, numeric, free, code"),
        ({"topic": "weather"}, "topic is 'weather'; choose one of clipping-after-nan, why-warmup,"),
        ({"level": 0}, "level is 0; it must be 1"),
        ({"level": 4}, "level is 4; it must be 1"),
        ({"answer": "d"}, "answer is 'd'; it must be one of a, b, c"),
        ({"answer": "ab"}, "answer is 'ab'; it must be one of a, b, c"),
        ({"answer": ""}, "answer is ''; it must be one of a, b, c"),
        ({"answer": ["a"]}, "answer is ['a']; it must be one of a, b, c"),
        ({"kind": "multiple", "answer": []}, "answer is []; it must be a list of some of a, b, c"),
        ({"kind": "multiple", "answer": ["a", "d"]}, "answer is ['a', 'd']; it must be a list of some of a, b, c"),
        ({"kind": "numeric", "answer": 3, "tolerance": 0.1}, "needs a number as its answer"),
        ({"kind": "numeric", "answer": "3", "tolerance": 0.1, "explain": "so"}, "needs a number as its answer"),
        ({"kind": "numeric", "answer": 3, "tolerance": 0.0, "explain": "so"}, "a tolerance above 0"),
        ({"kind": "numeric", "answer": 3, "tolerance": -0.1, "explain": "so"}, "a tolerance above 0"),
        ({"choices": SINGLE.choices[:2]}, "choices holds 2; write at least 3"),
        ({"kind": "multiple", "answer": ["a"], "choices": SINGLE.choices[:2]}, "choices holds 2; write at least 3"),
        ({"choices": SINGLE.choices * 3}, "choices holds 9; there are letters for 8"),
        ({"choices": (*SINGLE.choices, Choice("x", ""))}, "choice 'x' has no explanation"),
        ({"choices": (*SINGLE.choices, Choice("`x`", "y"))}, "choice '`x`' holds markup; a choice is plain text"),
        ({"choices": (*SINGLE.choices, Choice("cost $x$", "y"))}, "a choice is plain text"),
        ({"choices": (*SINGLE.choices, Choice("2 * 3", "y"))}, "a choice is plain text"),
        ({"sources": ["pascanu-2013", "nobody-1999"]}, "sources holds 'nobody-1999', which data/sources.yaml does not have"),
        ({"experiments": ["nothing"]}, "name is 'nothing'"),
        ({"claims": ["A3", "Z9"]}, "claim is 'Z9'"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_in_a_sentence(changes, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        replace(SINGLE, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"level": 3},
        {"answer": "c"},
        {"kind": "multiple", "answer": ["b"]},
        {"kind": "multiple", "answer": ["a", "b", "c"]},
        {"kind": "numeric", "answer": 0.5, "tolerance": 0.001, "explain": "so", "choices": ()},
        {"sources": ["pascanu-2013"], "experiments": ["clipping-facts"], "claims": ["A3"]},
    ],
)
def test_a_question_that_can_be_asked_is_taken(changes):
    assert {name: vars(replace(SINGLE, **changes))[name] for name in changes} == changes


def test_a_question_names_nothing_unless_told():
    plain = bank.Question("03-x", "single", "clipping", 1, "Which?", "03_spikes", "a", SINGLE.choices)
    assert (plain.explain, plain.tolerance, plain.claims, plain.experiments, plain.sources) == ("", 0.0, (), (), ())
    assert plain.interview is None


def test_a_number_that_the_tolerance_lets_pass_is_no_mistake():
    with pytest.raises(ValueError, match=r"choices holds 10\.05, which the tolerance lets pass"):
        replace(NUMERIC, choices=(Choice("100", "so"), Choice("10.05", "nearly")))


def interviewed(**changes):
    return replace(FREE, interview=Interview(**{**vars(FREE.interview), **changes}))


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: replace(FREE, interview=None), "question 03-f: a free question needs an interview block"),
        (lambda: replace(FREE, kind="code", interview=None), "a code question needs an interview block"),
        (lambda: interviewed(follow_ups=("1", "2")), "follow_ups holds 2; write 3"),
        (lambda: interviewed(follow_ups=("1", "2", "3", "4")), "follow_ups holds 4; write 3"),
        (lambda: interviewed(follow_ups=("1", "2", "")), "interview follow_ups is empty"),
        (lambda: interviewed(rubric=("0", "4")), "rubric holds 2; write 5"),
        (lambda: interviewed(rubric=("0", "1", "", "3", "4")), "interview rubric is empty"),
        (lambda: interviewed(popular=""), "interview popular is empty"),
        (lambda: interviewed(short="", popular=""), "interview short is empty"),
        (lambda: replace(FREE, experiments=[]), "experiments is empty; name the one whose run refutes"),
        (
            lambda: replace(FREE, kind="code", answer="a9/x"),
            "answer is 'a9/x'; it must name a check, such as a1_clipping/clip_grad_norm",
        ),
    ],
)
def test_an_interview_question_that_lacks_a_part_is_refused(make, says):
    with pytest.raises(ValueError, match=re.escape(says)):
        make()


def test_a_coding_round_names_the_check_that_marks_it():
    assert replace(FREE, kind="code", answer="a2_schedules/noam").kind == "code"
    assert replace(FREE, kind="free", answer="a9/x").kind == "free"


def test_right_and_wrong():
    assert SINGLE.is_right("a") and not SINGLE.is_right("b")
    assert MULTIPLE.is_right(["c", "a"]) and MULTIPLE.is_right("ca")
    assert not MULTIPLE.is_right(["a"]) and not MULTIPLE.is_right(["a", "b", "c"])


@pytest.mark.parametrize(
    "given, right",
    [(10, True), ("10", True), (10.1, True), (10.102, False), (9.9, True), (9.89, False), (-10, False), (100, False)],
)
def test_a_number_is_right_within_its_tolerance_and_not_beyond(given, right):
    assert NUMERIC.is_right(given) == right


@pytest.mark.parametrize("given, right", [(-2e-4, True), (-2.09e-4, True), (-1.91e-4, True), (-2.2e-4, False), (2e-4, False)])
def test_a_tolerance_is_relative_also_for_what_is_small_and_negative(given, right):
    assert replace(NUMERIC, answer=-2e-4, tolerance=0.05).is_right(given) == right


def test_choices_are_lettered_in_their_order():
    assert SINGLE.lettered() == {"a": SINGLE.choices[0], "b": SINGLE.choices[1], "c": SINGLE.choices[2]}
    eight = replace(SINGLE, choices=(SINGLE.choices * 3)[:8])
    assert list(eight.lettered()) == ["a", "b", "c", "d", "e", "f", "g", "h"]
    assert FREE.lettered() == {}


ENTRY = {"id": "03-x", "kind": "single", "topic": "clipping", "level": 1, "question": "Why – so?", "answer": "a"}
ENTRY["choices"] = [{"text": text, "explain": f"for {text}"} for text in "pqr"]


def read(folder, *entries):
    (folder / "q.yaml").write_text(
        yaml.safe_dump({"lesson": "03_spikes", "questions": entries}, allow_unicode=True), encoding="utf-8"
    )
    return bank.read(folder / "q.yaml")


def test_a_file_with_an_unknown_field_or_an_id_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"question 03-x: .*colour"):
        read(tmp_path, ENTRY | {"colour": "red"})
    with pytest.raises(ValueError, match=r"question 03-x: .*hint"):
        read(tmp_path, ENTRY | {"choices": [{"text": "p", "explain": "so", "hint": "q"}]})
    with pytest.raises(ValueError, match=re.escape(f"question 03-x: the id is used 2 times in {tmp_path / 'q.yaml'}")):
        read(tmp_path, ENTRY, ENTRY | {"id": "03-y"}, dict(ENTRY))


def test_a_file_is_read_as_it_is_written(tmp_path):
    talk = {"id": "03-f", "kind": "free", "topic": "adam", "level": 2, "question": "?", "experiments": ["clipping-facts"]}
    block = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(FREE.interview).items()}
    first, second = read(tmp_path, ENTRY, talk | {"interview": block})
    assert first == replace(
        SINGLE, question="Why – so?", lesson="03_spikes", choices=tuple(Choice(text, f"for {text}") for text in "pqr")
    )
    assert vars(second.interview) == block and (second.id, second.lesson, second.choices) == ("03-f", "03_spikes", ())


def test_the_bank_is_in_the_order_of_lessons_and_files():
    first = next(iter(bank.load().values()))
    assert first.id.startswith("01-") and all(id == question.id for id, question in bank.load().items())
    files = [path.read_text(encoding="utf-8") for path in sorted(bank.FOLDER.rglob("*.yaml"))]
    written = [entry["id"] for text in files for entry in yaml.load(text, yaml.CSafeLoader)["questions"]]
    assert list(bank.load()) == written and len(written) == len(set(written))
    assert {question.kind for question in bank.load().values()} == set(bank.KINDS)


def test_the_bank_and_what_it_refers_to_are_read_once():
    for read_once in (bank.load, bank._ledger, bank._checks, bank._sources):
        assert read_once() is read_once()


@pytest.mark.parametrize("part", [SINGLE, SINGLE.choices[0], FREE.interview])
def test_a_question_cannot_be_changed_by_accident(part):
    with pytest.raises(FrozenInstanceError):
        setattr(part, next(iter(vars(part))), "other")


@pytest.fixture
def small_bank(monkeypatch):
    questions = [SINGLE, FREE, MULTIPLE, NUMERIC, replace(SINGLE, id="04-x", lesson="04_clipping_is_a_diagnosis")]
    monkeypatch.setattr(bank, "load", lambda: {question.id: question for question in questions})
    return questions


def test_a_question_is_found_by_its_id_and_a_quiz_by_its_lesson(small_bank):
    assert bank.select("-".join(("03", "f"))) == [FREE] and bank.select("04-x") == bank.select("04") == small_bank[4:]
    assert bank.select("03") == [SINGLE, MULTIPLE, NUMERIC], "a program cannot mark 03-f"


@pytest.mark.parametrize("name", ["99", "", "3", "03-", "03-y"])
def test_a_name_that_no_question_has_is_refused(small_bank, name):
    with pytest.raises(ValueError, match=f"name is '{name}'; give a lesson's number such as '03', or one of 03-x, 03-f, 03-m"):
        bank.select(name)
