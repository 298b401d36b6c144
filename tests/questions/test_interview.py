import inspect

import pytest

from stabilitylab import cli
from stabilitylab.questions import answers, bank, interview, interview_room
from stabilitylab.questions.bank import Interview, Question
from stabilitylab.questions.interview import Room

BLOCK = Interview("Short.", "Full.", "Probing.", ("One?", "Two?", "Three?"), "Popular.", "Refuted.", tuple("abcde"))


def asked(number, topic, kind="free", answer=None):
    return Question(
        id=f"03-i-{number}",
        kind=kind,
        topic=topic,
        level=2,
        question=f"Question {number}?",
        lesson="03_spikes_and_clipping",
        answer=answer,
        experiments=("clipping-facts",),
        interview=BLOCK,
    )


TOPICS = ("clipping", "adam", "plateau", "schedules", "recovery", "cosine", "monitoring", "diagnosis")
BANK = {
    question.id: question
    for question in (
        *(asked(number, topic) for number, topic in enumerate(TOPICS)),
        asked(99, "clipping", "code", "a1_clipping/clip_grad_norm"),
    )
}


@pytest.fixture(autouse=True)
def small_bank(monkeypatch):
    monkeypatch.setattr(bank, "load", lambda: BANK)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("minutes, talk, code", [(15, 3, 0), (30, 4, 1), (45, 7, 1)])
def test_an_interview_fits_its_minutes_and_ends_with_the_coding_round(minutes, talk, code):
    kinds = [question.kind for question in interview.draw(minutes)]
    assert kinds == ["free"] * talk + ["code"] * code


def test_another_length_is_refused():
    with pytest.raises(ValueError, match="minutes is 20; choose 15, 30, 45"):
        interview.draw(20)


def test_what_went_badly_is_asked_again_and_what_went_well_is_not():
    for question in BANK.values():
        answers.keep(question, 0 if question.topic in ("plateau", "cosine", "adam") else 4)
    for seed in range(10):
        assert {question.topic for question in interview.draw(15, seed)} == {"plateau", "cosine", "adam"}


def test_two_interviews_in_a_row_differ():
    assert len({tuple(q.id for q in interview.draw(15, seed)) for seed in range(8)}) > 1


def test_the_debrief_says_what_to_read_and_what_took_too_long():
    clock = Clock()
    room = Room(15, seed=1, clock=clock)
    for score, seconds in ((4, 60), (1, 600), (3, 400)):
        clock.now += seconds
        room.score("words", score)
    said = " ".join(room.debrief())
    slow = room.rounds[1].question
    assert room.question is None and "8 of 12 points on 3 of 3 questions" in said
    assert "You ran 3 minutes over" in said
    assert f"{bank.TOPICS[slow.topic]}: 1 of 4. Read lesson 03 again and run `stabilitylab check clipping-facts`" in said
    assert "Too long" in said


def test_history_is_kept_and_the_next_debrief_compares():
    for score in (1, 4):
        room = Room(15, seed=1)
        for _ in range(3):
            room.score("", score)
    assert [(past["points"], past["of"]) for past in interview.history()] == [(3, 12), (12, 12)]
    assert "3 of 12 points" in room.debrief()[-1]


def test_an_interview_that_is_left_early_scores_what_was_answered_and_is_not_kept():
    room = Room(15)
    assert room.debrief() == ["Nothing was answered."]
    room.score("", 2)
    assert "2 of 4 points on 1 of 3 questions" in room.debrief()[0]
    assert interview.history() == []


def test_a_score_beyond_the_rubric_is_refused():
    with pytest.raises(ValueError, match="score is 5; the rubric has 0 to 4"):
        Room(15).score("", 5)


def test_a_coding_round_is_marked_by_the_visible_checks(capsys):
    from autograder.reference import a1_clipping as reference

    for learner, score in ((reference.clip_grad_norm, 4), (lambda parameters, max_norm: 0.0, 0)):
        room = Room(30, seed=0)
        with pytest.raises(ValueError, match="not a coding round"):
            room.submit(learner)
        for _ in range(4):
            room.score("", 4)
        found = room.submit(learner)
        assert room.rounds[-1].score == score and ("Every check passes." in found) == (score == 4)


def test_a_mock_interview_in_the_terminal(monkeypatch, capsys):
    typed = iter(["I would look at the norm.", "", "3", "", "9", "4", "", "0"])
    monkeypatch.setattr("builtins.input", lambda *prompt: next(typed))
    assert cli.main(["interview", "--minutes", "15"]) == 0
    printed = capsys.readouterr().out
    assert printed.count("In three sentences.") == 3 and "Please select one of the available options" in printed
    assert "7 of 12 points" in printed and "Debrief" in printed
    assert interview.history()[0]["rounds"][0]["said"] == "I would look at the norm."


def test_the_end_of_the_input_ends_the_interview_with_a_debrief(monkeypatch, capsys):
    def end(*prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", end)
    assert cli.main(["interview"]) == 0
    assert "Nothing was answered." in capsys.readouterr().out


def test_a_mock_interview_in_the_notebook(monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(interview_room, "display", lambda data, raw: shown.append(data))
    room = interview_room.enter()
    assert shown[0]["text/plain"] == interview_room.STATIC_FALLBACK
    room.length.value = 30
    room.begin.click()
    for number in range(4):
        assert f"Question {number + 1} of 5" in room.asked.value and "Popular." not in room.model.value
        room.said.value = "words"
        room.compare.click()
        assert "Popular." in room.model.value and room.next.disabled
        room.score.value = 2
        room.next.click()
    assert "Question 5 of 5" in room.asked.value and "room.submit(your_function)" in room.asked.value
    room.submit(lambda parameters, max_norm: 0.0)
    assert "Debrief" in room.asked.value and "8 of 20 points" in room.asked.value
    assert "checks pass" in capsys.readouterr().out
    room.begin.click()
    assert "Question 1 of 5" in room.asked.value


@pytest.mark.parametrize(
    "write, score, says",
    [
        ("import torch\nclip_grad_norm = lambda parameters, max_norm: torch.nn.utils.clip_grad_norm_([p for p in parameters], max_norm)\n", 0, "ruled out"),
        ("def clip_grad_norm(parameters, max_norm):\n    return 1 / 0\n", 0, "checks pass"),
        ("def clip_grad_norm(parameters, max_norm)\n", 0, "SyntaxError"),
        ("x = 1\n", 0, "defines no clip_grad_norm"),
        (None, 4, "Every check passes."),
    ],
)  # fmt: skip
def test_a_coding_round_in_the_terminal_marks_what_stands_in_the_file(monkeypatch, capsys, work_folder, write, score, says):
    from autograder.reference import a1_clipping as reference

    typed = iter(["", "4"] * 4)

    def answer(*prompt):
        try:
            return next(typed)
        except StopIteration:
            (file,) = (work_folder / "interview").glob("clip_grad_norm_*.py")
            file.write_text(file.read_text() + (write or inspect.getsource(reference)))
            return ""

    monkeypatch.setattr("builtins.input", answer)
    assert cli.main(["interview", "--minutes", "30"]) == 0
    printed = capsys.readouterr().out
    assert says in printed and f"{16 + score} of 20 points" in printed
