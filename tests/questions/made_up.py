"""Questions that stand in no file, one of each kind."""

from dataclasses import replace

from stabilitylab.questions.bank import Choice, Interview, Question


def as_read(word):
    """A word as a file gives it: equal to the one in the code, and not the same object."""
    return "".join(word)


SINGLE = Question(
    id="03-x",
    kind=as_read("single"),
    topic="clipping",
    level=1,
    question="Which?",
    choices=(Choice("this", "because"), Choice("that", "it forgets"), Choice("both", "it cannot")),
    answer="a",
    lesson="03_spikes_and_clipping",
)


MULTIPLE = replace(SINGLE, id="03-m", kind=as_read("multiple"), answer=["a", "c"])
NUMERIC = replace(
    SINGLE,
    id="03-n",
    kind=as_read("numeric"),
    answer=10,
    tolerance=0.01,
    explain="the root",
    choices=(Choice("100", "it forgets the root"),),
)
BLOCK = Interview("Short.", "Full.", "Probing.", ("One?", "Two?", "Three?"), "Popular.", "Refuted.", tuple("abcde"))
FREE = replace(
    SINGLE,
    id="03-f",
    kind=as_read("free"),
    answer=None,
    choices=(),
    experiments=["clipping-facts", "value-clipping"],
    interview=BLOCK,
)


def asked(number, topic, kind="free", answer=None):
    """A question of an interview."""
    return replace(
        FREE, id=f"03-i-{number}", topic=topic, kind=as_read(kind), level=2, question=f"Question {number}?", answer=answer
    )


TOPICS = ("clipping", "adam", "plateau", "schedules", "recovery", "cosine", "monitoring", "diagnosis")
INTERVIEW = {
    question.id: question
    for question in (
        *(asked(number, topic) for number, topic in enumerate(TOPICS)),
        asked(99, "clipping", "code", "a1_clipping/clip_grad_norm"),
    )
}
"""A bank of eight questions to talk about and one coding round."""
