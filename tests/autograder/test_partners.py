"""Probes asked of a learner's process and their partners in another, without processes."""

import contextlib

import pytest

from autograder.partners import Partners
from autograder.sandbox.host import Code, WorkerDied
from stabilitylab import exercises
from stabilitylab.exercises import MALFORMED
from tests.autograder import toy as made_up
from tests.autograder.toy import NAME, Here

PROBE = made_up.GUESS["questions"]["guess"].probes[0]
SETTLED = made_up.QUESTIONS["near"].probes[0]
PLAIN = made_up.QUESTIONS["double"].probes[0]


@pytest.fixture
def guess(toy, monkeypatch):
    made_up.install(toy, monkeypatch, **made_up.GUESS)


class Two:
    """A learner's process, and the sandbox in which partners are started."""

    def __init__(self, source, limits=None):
        self.learners, self.box = Here(), Here()
        self.worker = self.learners.worker()
        self.worker.load([Code(source)])
        self.partners = Partners(self.box, NAME, seed=7, limits=limits)

    def ask(self, grade_id, probe):
        return self.partners.ask(self.worker, grade_id, probe, exercises.given(probe, 7))


@pytest.fixture
def asking(guess):
    with contextlib.ExitStack() as stack:

        def make(source, **more):
            two = Two(source, **more)
            stack.enter_context(contextlib.closing(two.partners))
            return two

        yield make


def test_a_learner_who_asks_finds_the_number_and_what_was_asked_is_seen_by_the_partner(asking):
    two = asking(made_up.GUESS["reference"])
    assert two.ask("guess", PROBE) == {"value": [True, 3]}
    assert two.box.done == ["meet found_by_asking", "settle"] and "settle" not in two.learners.done


def test_a_probe_that_never_tells_anything_is_settled_by_a_partner_that_saw_nothing(asking):
    assert asking(f"guess = lambda higher: {made_up.number_to_guess(7)}").ask("guess", PROBE) == {"value": [True, 0]}
    assert asking("guess = lambda higher: None").ask("guess", PROBE) == {"value": [False, 0]}


def test_every_probe_meets_its_partner_anew(asking):
    two = asking("def guess(higher):\n    higher(1)\n    return 1")
    assert [two.ask("guess", PROBE) for _ in range(2)] == [{"value": [False, 1]}] * 2
    assert len(two.box.limits) == 1  # in one process


def test_a_message_that_makes_no_sense_costs_the_probe(asking):
    for message in ("'x'", "None", "object()", "1.5"):
        answer = asking(f"def guess(higher):\n    higher({message})").ask("guess", PROBE)
        assert answer["error"] == "ValueError" and answer["message"], message


def test_where_nothing_is_told_or_settled_no_process_is_started(asking):
    two = asking("def double(x):\n    return x\ndef near(t):\n    raise KeyError")
    assert two.ask("double", PLAIN)["value"] > 0
    assert two.ask("near", SETTLED)["error"] == "KeyError"
    assert two.box.limits == []


def test_answers_are_settled_in_the_partners_process(asking):
    two = asking("def near(target):\n    return target")
    assert two.ask("near", SETTLED) == {"value": True}
    assert two.box.done == ["meet closest", "settle"]


def test_partners_have_the_limits_they_are_given(asking):
    limits = object()
    two = asking("def near(target):\n    return target", limits=limits)
    two.ask("near", SETTLED)
    assert two.box.limits == [limits]


def test_an_answer_that_takes_too_long_to_settle_is_malformed_and_the_next_one_gets_a_new_process(asking):
    two = asking("def near(target):\n    return 'endless'")
    assert two.ask("near", SETTLED) == {"error": MALFORMED, "message": ""}
    two.worker.load([Code("def near(target):\n    return target")])
    assert two.ask("near", SETTLED) == {"value": True} and len(two.box.limits) == 2


def test_a_partner_that_takes_too_long_costs_the_probe_and_not_the_learners_process(asking, monkeypatch):
    two = asking(made_up.GUESS["reference"])
    two.ask("guess", PROBE)

    def endless(message):
        raise WorkerDied("it took too long")

    monkeypatch.setattr(two.partners._trusted, "tell", endless)
    answer = two.ask("guess", PROBE)
    assert "value" not in answer and answer["message"] == "it took too long"
    assert two.box.open == 0
    assert two.ask("guess", PROBE) == {"value": [True, 3]} and len(two.box.limits) == 2


def test_a_message_after_the_partner_has_gone_is_told_so(asking, monkeypatch):
    cell = "def guess(higher):\n    try:\n        higher(1)\n    except ValueError:\n        return higher(2)"
    two = asking(cell)
    two.ask("guess", PROBE)

    def endless(message):
        raise WorkerDied("it took too long")

    monkeypatch.setattr(two.partners._trusted, "tell", endless)
    assert two.ask("guess", PROBE)["message"] == "nobody is there to be told anything"


def test_a_process_that_has_used_up_its_time_is_replaced(asking, monkeypatch):
    two = asking(made_up.GUESS["reference"])
    two.ask("guess", PROBE)

    def over(*about):
        raise WorkerDied("all of it together took longer than 180 seconds")

    monkeypatch.setattr(two.partners._trusted, "meet", over)
    assert two.ask("guess", PROBE) == {"value": [True, 3]}
    assert len(two.box.limits) == 2 and two.box.open == 1


def test_a_learners_process_that_dies_is_no_matter_of_the_partners(asking):
    two = asking("def guess(higher):\n    raise Died('it ended the process')")
    with pytest.raises(WorkerDied, match="it ended the process"):
        two.ask("guess", PROBE)
    assert two.box.open == 1


def test_closing_ends_the_partners_process(asking):
    two = asking(made_up.GUESS["reference"])
    two.ask("guess", PROBE)
    two.partners.close()
    two.partners.close()
    assert two.box.open == 0


# the real thing


def test_a_probe_and_its_partner_in_two_processes(box):
    """A partner of the course's own: the first one there is."""
    found = [
        (assignment, grade_id, probe)
        for assignment in ("a4_detect_and_recover", "a5_adamw_accumulation_checkpointing", "a6_capstone")
        for grade_id, question in exercises.questions(assignment).items()
        for probe in question.probes
        if probe.partner is not None
    ]
    if not found:
        pytest.skip("no probe of the course has a partner")
    from autograder.expected import REFERENCES

    assignment, grade_id, probe = found[0]
    reference = (REFERENCES / f"{assignment}.py").read_text()
    with box.worker() as worker, contextlib.closing(Partners(box, assignment, seed=7)) as partners:
        worker.load([Code(reference)])
        given = exercises.given(probe, 7)
        first, second = (partners.ask(worker, grade_id, probe, given) for _ in range(2))
        assert "value" in first and exercises.agree(first, second, probe)
