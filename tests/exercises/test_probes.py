"""Probes and questions: what goes in, what comes back, what a partner sees."""

import random

import pytest
import torch

from stabilitylab import exercises
from stabilitylab.exercises import MALFORMED, Probe, Question, ask, given, in_one_process, is_answer, meet, quiz, settle


def returned(learner, drawn):
    return learner(drawn)


def told(learner, rng, tell):
    return learner(tell)


class Counter:
    """A partner that counts what it is told and keeps a number of its own."""

    def __init__(self, rng, hidden):
        self.shared, self.hidden, self.messages = rng.random(), hidden.random(), []

    def reply(self, message):
        if message == "nonsense":
            raise ValueError("that makes no sense")
        self.messages.append(message)
        return {"count": len(self.messages), "tensor": torch.ones(2), "pair": (1, 2)}

    def settle(self, answer):
        if answer == "nonsense":
            raise KeyError("nor does that")
        return [answer, len(self.messages)]


PARTNERED = Probe(told, "", partner=Counter)
COUNTED = Question("f", (PARTNERED,))


def asked(probe, learner, seed=1):
    return ask(Question("f", (probe,)), probe, learner, given(probe, seed))


def test_every_seed_and_every_probe_has_a_generator_of_its_own():
    def other(learner, rng): ...

    starts = {given(probe, seed)["start"] for probe in (Probe(returned, ""), Probe(other, "")) for seed in (1, 2)}
    assert len(starts) == 4
    values = [asked(Probe(returned, ""), lambda rng: rng.random(), seed) for seed in (1, 1, 2)]
    assert values[0] == values[1] != values[2]


def test_what_is_drawn_is_all_that_a_learners_process_gets():
    probe = Probe(returned, "", draw=lambda rng: {"x": torch.tensor([rng.randrange(10)]), "pair": (1, 2)})
    data = given(probe, 1)
    assert set(data) == {"data"}
    seen = []
    asked(probe, lambda drawn: seen.append(drawn))
    assert isinstance(seen[0]["x"], torch.Tensor) and seen[0]["pair"] == [1, 2]


def test_what_a_learner_raises_is_an_answer():
    def fails(drawn):
        raise ValueError("no" * 1000)

    answer = asked(Probe(returned, ""), fails)
    assert answer["error"] == "ValueError" and len(answer["message"]) == 1000


def test_settling_sees_the_same_generator_anew():
    probe = Probe(returned, "", settle=lambda raw, rng: raw == rng.random())
    assert in_one_process(Question("f", (probe,)), probe, lambda rng: rng.random(), 5) == {"value": True}
    assert in_one_process(Question("f", (probe,)), probe, lambda rng: 0.5, 5) == {"value": False}


def test_what_is_not_settled_stays_as_it_is():
    answer = {"error": "KeyError", "message": "x"}
    assert meet(Probe(returned, ""), 1) is None and settle(None, {"value": 1}) == {"value": 1}
    assert settle(meet(PARTNERED, 1), answer) == answer


def test_a_partner_replies_in_plain_data_and_settles_what_it_saw():
    seen = []

    def learner(tell):
        seen.append(tell("one"))
        seen.append(tell((1, torch.zeros(1))))
        return "done"

    assert in_one_process(COUNTED, PARTNERED, learner, 1) == {"value": ["done", 2]}
    assert seen[0]["count"] == 1 and seen[1]["count"] == 2 and seen[0]["pair"] == [1, 2]


def test_a_message_that_makes_no_sense_and_an_answer_that_cannot_be_settled():
    answer = in_one_process(COUNTED, PARTNERED, lambda tell: tell("nonsense"), 1)
    assert answer == {"error": "ValueError", "message": "that makes no sense"}
    assert in_one_process(COUNTED, PARTNERED, lambda tell: tell(object()), 1)["error"] == "ValueError"
    assert in_one_process(COUNTED, PARTNERED, lambda tell: "nonsense", 1)["error"] == MALFORMED
    assert in_one_process(COUNTED, PARTNERED, lambda tell: object(), 1)["error"] == MALFORMED


def test_a_partner_has_the_probes_generator_and_one_that_nobody_else_can_work_out():
    first, again, other = meet(PARTNERED, 1), meet(PARTNERED, 1), meet(PARTNERED, 2)
    assert first.shared == random.Random(given(PARTNERED, 1)["start"]).random() == again.shared
    assert first.hidden == again.hidden != first.shared and other.hidden != first.hidden


def test_a_probe_without_a_partner_has_nobody_to_tell():
    probe = Probe(returned, "", settle=lambda raw, rng: raw)
    with pytest.raises(ValueError, match="has no partner"):
        meet(probe, 1).reply("x")


@pytest.mark.parametrize("answer", ["a", "d"])
def test_one_letter_answers_a_question_with_one_answer(answer):
    assert is_answer(quiz("x"), answer) and is_answer(quiz("x", several=True), answer)


@pytest.mark.parametrize("answer", ["", "e", "A", "aa", "ab ", None, 3, ["a"], b"a", {"a": 1}])
def test_what_is_no_answer(answer):
    assert not is_answer(quiz("x"), answer) and not is_answer(quiz("x", several=True), answer)


def test_several_letters_answer_a_question_with_several_answers():
    assert is_answer(quiz("x", several=True), "dca") and not is_answer(quiz("x"), "ac")


def test_an_assignment_that_does_not_exist_is_named():
    for name in ("a9", "probes", "../secret", "none.at.all"):
        with pytest.raises(ValueError, match="there is no such assignment"):
            exercises.questions(name)
