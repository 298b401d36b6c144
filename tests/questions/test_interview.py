import json
from dataclasses import FrozenInstanceError, replace

import pytest

from stabilitylab.questions import answers, bank, interview
from stabilitylab.questions.interview import Room
from tests.questions.made_up import BLOCK, INTERVIEW, SINGLE, TOPICS, asked


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    monkeypatch.setattr(bank, "load", lambda: INTERVIEW)


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


@pytest.mark.parametrize("minutes, talk, code", [(15, 3, 0), (30, 4, 1), (45, 7, 1)])
def test_an_interview_fits_its_minutes_and_ends_with_the_coding_round(minutes, talk, code):
    drawn = interview.draw(minutes)
    assert [question.kind for question in drawn] == ["free"] * talk + ["code"] * code
    assert len({question.id for question in drawn}) == talk + code


def test_another_length_is_refused():
    with pytest.raises(ValueError, match="minutes is 20; choose 15, 30, 45"):
        interview.draw(20)
    with pytest.raises(ValueError, match="minutes is 0; choose 15, 30, 45"):
        Room(0)


FIRST = INTERVIEW["03-i-0"]


@pytest.mark.parametrize("score, weak", [(0, 1.0), (1, 0.75), (2, 0.5), (3, 0.25), (4, 0.0)])
def test_how_weak_one_is_at_a_question_is_what_its_last_score_lacks(score, weak):
    other = {"given": (score + 1) % 5, "right": True}
    kept = {FIRST.id: [other, other, other, {"given": score, "right": False}]}
    assert interview.weakness(FIRST, kept) == weak


def test_a_score_of_an_older_longer_rubric_counts_as_perfect():
    assert interview.weakness(FIRST, {FIRST.id: [{"given": 5, "right": True}]}) == 0.0


def test_a_question_never_asked_is_as_weak_as_its_topic_s_quizzes(monkeypatch):
    quizzes = [replace(SINGLE, id=f"03-q{number}") for number in range(4)]
    other = replace(SINGLE, id="03-p", topic="plateau")
    monkeypatch.setattr(bank, "load", lambda: INTERVIEW | {question.id: question for question in (*quizzes, other)})

    def weak(*rights):
        kept = {question.id: [*[{"right": not right}] * 3, {"right": right}] for question, right in zip(quizzes, rights)}
        return interview.weakness(FIRST, kept | {other.id: [{"right": False}]})

    assert weak() == 0.9, "nothing is known of the topic"
    assert [weak(True), weak(True, False), weak(False, False, False, True), weak(False)] == [0.5, 0.75, 0.875, 1.0]


def test_what_went_badly_is_asked_again_and_what_went_well_is_not():
    for question in INTERVIEW.values():
        answers.keep(question, 2 if question.topic in ("plateau", "cosine", "adam") else 4)
    for seed in range(40):
        assert {question.topic for question in interview.draw(15, seed)} == {"plateau", "cosine", "adam"}


def test_a_little_chance_lets_a_nearly_perfect_topic_come_again():
    for question in INTERVIEW.values():
        answers.keep(question, 3 if question.topic in ("plateau", "cosine", "adam") else 4)
    topics = {question.topic for seed in range(60) for question in interview.draw(15, seed)}
    assert topics > {"plateau", "cosine", "adam"}


def test_two_interviews_in_a_row_differ_unless_the_same_seed_is_given():
    drawn = [tuple(q.id for q in interview.draw(15, seed)) for seed in (*range(8), *range(8))]
    assert len(set(drawn)) > 1 and drawn[:8] == drawn[8:]
    assert len({tuple(q.id for q in interview.draw(45)) for _ in range(8)}) > 1
    assert [q.id for q in interview.draw(15, 1)] == ["03-i-1", "03-i-7", "03-i-2"], "on every machine"
    assert [q.id for q in Room(30, seed=3).asked] == [q.id for q in interview.draw(30, 3)]


def test_no_topic_comes_twice_while_others_are_left(monkeypatch):
    few = [asked(number, topic) for number, topic in enumerate(("clipping", "clipping", "clipping", "adam", "adam", "plateau"))]
    monkeypatch.setattr(bank, "load", lambda: {question.id: question for question in few})
    answers.keep(few[5], 4)
    for seed in range(10):
        topics = [question.topic for question in interview.draw(15, seed)]
        assert sorted(topics) == ["adam", "clipping", "plateau"] and topics[-1] == "plateau", "the weakest come first"
        longer = interview.draw(45, seed)
        assert len(longer) == 6 and {question.id for question in longer} == {question.id for question in few}


def test_one_topic_alone_gives_as_many_questions(monkeypatch):
    alike = {question.id: question for question in (asked(number, "adam") for number in range(6))}
    monkeypatch.setattr(bank, "load", lambda: alike)
    assert len(interview.draw(15)) == 3


def test_a_bank_with_fewer_questions_gives_a_shorter_interview(monkeypatch):
    monkeypatch.setattr(bank, "load", lambda: {FIRST.id: FIRST, SINGLE.id: SINGLE})
    assert interview.draw(30) == [FIRST]


def test_an_interview_goes_from_question_to_question_and_keeps_what_was_said():
    clock = Clock(1000.0)
    room = Room(15, seed=1, clock=clock)
    assert room.minutes == 15 and room.rounds == [] and room.left == 900.0
    for number, (said, score, seconds) in enumerate((("words", 4, 60.0), ("", 0, 30.5), ("more", 3, 900.0))):
        question = room.asked[number]
        assert room.question == question
        clock.now += seconds
        done = room.score(said, score)
        assert (done.question, done.said, done.score, done.seconds) == (question, said, score, seconds)
        with pytest.raises(FrozenInstanceError):
            done.score = 4
        assert room.rounds[-1] is done and answers.load()[question.id][-1]["given"] == score
    assert room.question is None and room.left == -90.5
    with pytest.raises(ValueError, match="the interview is over; start another one"):
        room.score("again", 4)
    assert len(room.rounds) == 3


@pytest.mark.parametrize("score", [-1, 5, 2.5, None])
def test_a_score_beyond_the_rubric_is_refused(score):
    room = Room(15)
    with pytest.raises(ValueError, match=rf"score is {score}; the rubric has 0 to 4"):
        room.score("", score)
    assert room.rounds == [] and answers.load() == {}


def sit(minutes, *rounds, seed=1):
    """An interview with (score, seconds) for every question, and its room."""
    clock = Clock()
    room = Room(minutes, seed=seed, clock=clock)
    for score, seconds in rounds:
        clock.now += seconds
        room.score("words", score)
    return room


def test_the_debrief_says_what_to_read_and_what_took_too_long():
    room = sit(15, (4, 60), (1, 600), (3, 400))
    slow = bank.TOPICS[room.rounds[1].question.topic]
    assert room.debrief() == [
        "8 of 12 points on 3 of 3 questions.",
        "You ran 3 minutes over.",
        f"Too long: {slow}. Say the answer first, then the reasons.",
        f"{slow}: 1 of 4. Read lesson 03 again and run `stabilitylab check clipping-facts`.",
    ]


def test_the_debrief_begins_with_the_weakest_and_praises_nothing_below_three():
    room = sit(15, (2, 1), (0, 1), (1, 1))
    topics = [bank.TOPICS[room.rounds[number].question.topic] for number in (1, 2, 0)]
    assert [sentence.split(".")[0] for sentence in room.debrief()[1:]] == [
        f"{topic}: {score} of 4" for score, topic in enumerate(topics)
    ]
    assert sit(15, (3, 1), (4, 1), (3, 1)).debrief()[0] == "10 of 12 points on 3 of 3 questions."
    assert not any("Read" in sentence for sentence in sit(15, (3, 1), (4, 1), (3, 1)).debrief())


@pytest.mark.parametrize("seconds, slow", [(450, False), (451, True)])
def test_half_as_long_again_as_a_question_should_take_is_too_long(seconds, slow):
    room = sit(15, (4, seconds))
    assert any("Too long" in sentence for sentence in room.debrief()) == slow


@pytest.mark.parametrize("seconds, slow", [(900, False), (901, True)])
def test_a_coding_round_may_take_twice_as_long(seconds, slow):
    room = sit(30, (4, 1), (4, 1), (4, 1), (4, 1), (4, seconds))
    assert room.rounds[-1].question.kind == "code"
    assert any("Too long" in sentence for sentence in room.debrief()) == slow


@pytest.mark.parametrize(
    "seconds, said",
    [
        (890, None),
        (900, None),
        (929, None),
        (931, "You ran 1 minute over."),
        (989, "You ran 1 minute over."),
        (991, "You ran 2 minutes over."),
    ],
)
def test_running_over_is_said_in_whole_minutes(seconds, said):
    over = [sentence for sentence in sit(15, (4, seconds)).debrief() if "You ran" in sentence]
    assert over == ([said] if said else [])


def test_a_question_without_an_experiment_is_read_about_only(monkeypatch):
    bare = replace(SINGLE, id="03-b", kind="free", experiments=("clipping-facts",), interview=BLOCK)
    object.__setattr__(bare, "experiments", ())
    monkeypatch.setattr(bank, "load", lambda: {bare.id: bare})
    room = Room(15)
    room.score("", 1)
    assert "clipping: 1 of 4. Read lesson 03 again." in room.debrief()


def test_history_is_kept_and_the_next_debrief_compares(monkeypatch, work_folder):
    monkeypatch.setattr(interview.time, "strftime", lambda form: f"now as {form}")
    first = sit(15, (1, 59.6), (1, 1), (1, 1))
    assert not any("interview before" in sentence for sentence in first.debrief())
    second = sit(15, (4, 1), (4, 1), (4, 1))
    said = "The interview before, on now as %Y-%m-%d %H:%M: 3 of 12 points."
    assert second.debrief()[-1] == said
    third = Room(30, seed=1)
    third.score("", 4)
    assert "The interview before, on now as %Y-%m-%d %H:%M: 12 of 12 points." in third.debrief()[-1], "left early"
    kept = json.loads((work_folder / "interviews.json").read_text())
    assert kept == {"version": 1, "interviews": {"finished": interview.history()}}
    assert [(past["minutes"], past["points"], past["of"]) for past in interview.history()] == [(15, 3, 12), (15, 12, 12)]
    assert interview.history()[0] == {
        "when": "now as %Y-%m-%d %H:%M",
        "minutes": 15,
        "points": 3,
        "of": 12,
        "rounds": [
            {"question": done.question.id, "said": "words", "score": 1, "seconds": seconds}
            for done, seconds in zip(first.rounds, (60, 1, 1))
        ],
    }


def test_an_interview_that_is_left_early_scores_what_was_answered_and_is_not_kept():
    room = Room(15)
    assert room.debrief() == ["Nothing was answered."]
    room.score("", 2)
    assert "2 of 4 points on 1 of 3 questions" in room.debrief()[0]
    assert interview.history() == []


def test_a_coding_round_is_marked_by_the_visible_checks(capsys):
    from autograder.reference import a1_clipping as reference

    for learner, score in ((reference.clip_grad_norm, 4), (lambda parameters, max_norm: 0.0, 0)):
        room = Room(30, seed=0)
        with pytest.raises(ValueError, match="not a coding round"):
            room.submit(learner)
        for _ in range(4):
            room.score("", 4)
        found = room.submit(learner)
        assert room.rounds[-1].score == score and (found == "Every check passes.") == (score == 4)
        assert room.rounds[-1].said == found and ("checks pass" in found) == (score == 0)
        with pytest.raises(ValueError, match="not a coding round"):
            room.submit(learner)


def test_a_model_answer_says_what_is_popular_and_what_comes_next():
    assert interview.model_answer(BLOCK) == (
        "**In three sentences.** Short.\n\nFull.\n\n**The popular answer.** Popular. **The run.** Refuted.\n\n"
        "**Behind the question.** Probing.\n\n**Next they ask**\n\n- One?\n- Two?\n- Three?"
    )


def test_the_topics_made_up_here_are_the_bank_s():
    assert set(TOPICS) < set(bank.TOPICS)
