"""A submission's cells run and its questions asked, on a made-up assignment and without processes."""

import pytest

from autograder.asking import STOPPED, collect
from autograder.expected import Expected
from autograder.sandbox.host import Code, Outcome
from stabilitylab.exercises import UNDEFINED
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, SOLVED, Here


@pytest.fixture
def expected(toy):
    return Expected(Here(), NAME, seed=7)


def cells(*sources):
    return [Code(source, position=at) for at, source in enumerate(sources, start=1)]


def collected(expected, *sources, box=None, files=None):
    box = box or Here()
    found = collect(box, cells(*sources), expected, files)
    assert box.open == 0
    return found


def value(found, grade_id):
    (answer,) = found.answers[grade_id].values()
    return answer.get("value")


RIGHT = "def double(x):\n    return 2 * x"
WRONG = "def double(x):\n    return x"
HALF = "def double(x):\n    return abs(2 * x)"


def test_every_question_is_answered_by_one_process(expected):
    box = Here()
    found = collected(expected, *SOLVED, box=box, files={"helper.py": b"x"})
    assert found.answers["double"] == expected.right["double"] and found.answers["near"] == {"closest": {"value": True}}
    assert (value(found, "quiz_one"), value(found, "quiz_some")) == ("b", "ca")
    assert found.outcomes == {
        0: Outcome(defines=("double", "near")),
        1: Outcome(defines=("answer_one",)),
        2: Outcome(defines=("answer_some",)),
    }
    assert found.chosen == {}
    assert box.limits == [None, None] and box.done.count("load") == 1  # the other process settles
    assert box.files == [{"helper.py": b"x"}]


def test_what_is_not_there_is_undefined(expected):
    found = collected(expected)
    assert {answer["error"] for answers in found.answers.values() for answer in answers.values()} == {UNDEFINED}


def test_a_cell_that_raises_is_noted_and_the_others_count(expected):
    found = collected(expected, "1 / 0", *SOLVED)
    assert found.outcomes[0] == Outcome("ZeroDivisionError", "division by zero")
    assert found.answers["double"] == expected.right["double"]


# definitions that compete


@pytest.mark.parametrize(
    "order, chosen", [([RIGHT, WRONG], 0), ([WRONG, RIGHT], 1), ([WRONG, HALF, WRONG], 1), ([HALF, WRONG], 0)]
)
def test_the_best_of_several_definitions_counts(expected, order, chosen):
    found = collected(expected, *order)
    assert found.chosen == {"double": chosen}
    asked = collected(expected, order[chosen])
    assert found.answers["double"] == asked.answers["double"] and asked.chosen == {}


def test_of_equals_the_last_counts(expected):
    assert collected(expected, WRONG, WRONG.replace("x", "y")).chosen == {"double": 1}


def test_only_the_last_three_are_tried(expected):
    found = collected(expected, RIGHT, WRONG, WRONG + " ", WRONG + "  ")
    assert found.chosen == {"double": 3} and found.answers["double"] != expected.right["double"]


def test_what_the_release_defines_does_not_compete(expected):
    stub = Code("def double(x):\n    raise NotImplementedError")
    found = collect(Here(), [stub, *cells(WRONG)], expected)
    assert found.chosen == {} and "value" in found.answers["double"]["small"]
    assert collect(Here(), [stub], expected).answers["double"]["small"]["error"] == "NotImplementedError"


def test_functions_that_call_each_other_use_the_definition_that_counts(expected):
    near = "def near(target):\n    return double(target) / 2"
    found = collected(expected, RIGHT, near, WRONG)
    assert found.chosen == {"double": 0} and value(found, "near") is True


def test_the_chosen_definition_is_in_force_in_a_new_process_too(toy, monkeypatch):
    last = made_up.QUESTIONS["near"]
    questions = {name: made_up.QUESTIONS[name] for name in ("double", "quiz_one", "quiz_some")} | {"dies": last, "near": last}
    made_up.install(toy, monkeypatch, questions=questions)
    expected = Expected(Here(), NAME, seed=7)
    near = "import os\ndef near(target):\n    if not os.path.exists('flag'):\n        open('flag', 'w').close()\n"
    near += "        raise Died('it ended the process')\n    return double(target) / 2"
    monkeypatch.chdir(toy)
    found = collected(expected, RIGHT, near, WRONG)
    assert "died" in found.answers["dies"]["closest"] and value(found, "near") is True


@pytest.mark.parametrize(
    "answers, counts",
    [
        (["'a'", "'b'"], "b"),
        (["'b'", "''"], "b"),
        (["'b'", "'nonsense'"], "b"),
        (["'b'", "None", "['a']"], "b"),
        (["'nonsense'", "''"], ""),
        (["''"], ""),
    ],
)
def test_the_last_quiz_answer_that_is_one_counts(expected, answers, counts):
    assert value(collected(expected, *(f"answer_one = {answer}" for answer in answers)), "quiz_one") == counts


# processes that end

DIES = "def double(x):\n    raise Died('it ended the process')"


def test_code_that_ends_its_process_costs_the_rest_of_its_question_only(expected):
    box = Here()
    found = collected(expected, SOLVED[0].partition("\n\n\n")[2], *SOLVED[1:], DIES, box=box)
    assert found.answers["double"] == {name: {"died": "it ended the process"} for name in ("small", "negative")}
    assert value(found, "near") is True and (value(found, "quiz_one"), value(found, "quiz_some")) == ("b", "ca")
    assert box.done.count("load") == 2 and box.done.count("small") == 1  # no second try at a question that died


def test_what_was_answered_before_the_end_counts(expected):
    dies = "def double(x):\n    if x < 0:\n        raise Died('it took too long')\n    return 2 * x"
    found = collected(expected, dies)
    assert found.answers["double"] == {"small": expected.right["double"]["small"], "negative": {"died": "it took too long"}}


def test_a_definition_that_ends_the_process_competes_with_one_that_does_not(expected):
    for order, chosen in (([RIGHT, DIES], 0), ([DIES, RIGHT], 1)):
        found = collected(expected, *order, *SOLVED[1:])
        assert found.chosen == {"double": chosen} and found.answers["double"] == expected.right["double"]
        assert value(found, "quiz_some") == "ca"


def test_a_cell_that_ends_the_process_is_left_out_and_the_rest_is_asked(expected):
    box = Here()
    found = collected(expected, "raise Died('it ended the process')", *SOLVED, box=box)
    assert found.outcomes[0] == Outcome(STOPPED, "it ended the process") and len(found.outcomes) == 4
    assert found.answers["double"] == expected.right["double"] and value(found, "quiz_one") == "b"
    assert box.done.count("load") == 2


def test_after_three_ends_nothing_more_is_tried(expected):
    box = Here()
    found = collected(expected, *["raise Died('it used too much memory')"] * 3, *SOLVED, box=box)
    assert box.done == ["load"] * 3
    died = {"died": "it used too much memory"}
    assert all(answer == died for answers in found.answers.values() for answer in answers.values())
    assert [found.outcomes[at].error for at in range(3)] == [STOPPED] * 3
    twice = collected(expected, *["raise Died('it used too much memory')"] * 2, *SOLVED)
    assert value(twice, "quiz_some") == "ca"  # two ends are not yet too many


def test_a_cell_that_took_too_long_is_not_run_again(expected, monkeypatch):
    class Interrupting(Here):
        def worker(self, limits=None):
            made = super().worker(limits)
            load = made.load
            sources = self.sources = getattr(self, "sources", [])

            def loaded(cells, targets=(), files=None):
                sources.append([cell.source for cell in cells])
                outcomes = load(cells, targets, files)
                return [Outcome("TookTooLong") if "slow" in c.source else o for c, o in zip(cells, outcomes)]

            made.load = loaded
            return made

    box = Interrupting()
    found = collected(expected, "slow = 1", DIES, *SOLVED[1:], box=box)
    assert [sources[0] for sources in box.sources] == ["slow = 1", DIES]
    assert found.outcomes[0].error == "TookTooLong" and value(found, "quiz_one") == "b"


def test_a_process_that_does_not_even_begin_is_given_up(expected, monkeypatch):
    from autograder.sandbox.host import WorkerDied

    class Dead(Here):
        def worker(self, limits=None):
            made = super().worker(limits)

            def load(*about):
                raise WorkerDied("it took too long")

            made.load = load
            return made

    found = collected(expected, *SOLVED, box=Dead())
    assert {answer["died"] for answers in found.answers.values() for answer in answers.values()} == {"it took too long"}
    assert found.outcomes == {}


# the real thing


def test_cells_that_hang_or_end_their_process_cost_nothing_but_themselves(box):
    from autograder.sandbox.host import Limits

    quiz = "answer_direction = 'a'\nanswer_nan = 'b'"
    submitted = cells("while True:\n    pass", "import os\nos._exit(1)", "x = 1", "input()", "!ls\n1 / 0", quiz)
    expected = Expected(box, "a1_clipping", seed=7)
    limits = box.limits
    box.limits = Limits(cell=0.3, least=0.3)
    try:
        found = collect(box, submitted, expected)
    finally:
        box.limits = limits
    assert [found.outcomes[at].error for at in range(6)] == ["TookTooLong", STOPPED, None, "EOFError", "ZeroDivisionError", None]
    assert value(found, "quiz_direction") == "a" and value(found, "quiz_nan") == "b"
    assert found.answers["rescue"].popitem()[1]["error"] == UNDEFINED
