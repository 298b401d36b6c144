"""Keys of the quiz questions of a4_detect_and_recover."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_first_alarm": QuizKey(
        "b",
        {
            "a": (
                "The loss was the last to speak: it became NaN only at the step after the one whose gradient was already inf or "
                "NaN."
            ),
            "c": "The update of that step is broken too, but it is made from the gradient, whose norm is known before it.",
            "d": (
                "The numbers are available in a fixed order: a gradient that overflows breaks the weights, and only then the "
                "next loss."
            ),
        },
    ),
    "quiz_rule": QuizKey(
        "c",
        {
            "a": (
                "A fixed limit depends on the optimizer and the phase of the run: no limit that was tried did both under SGD "
                "and Adam."
            ),
            "b": (
                "The rule does well on loud bad batches, but one of the five kinds hardly raises the gradient norm, and no norm "
                "rule sees it."
            ),
            "d": (
                "Rules with few false alarms exist, and they catch the loud kinds; what none of the seven did is catch all "
                "kinds as well."
            ),
        },
    ),
    "quiz_resume": QuizKey(
        "d",
        {
            "a": (
                "Without the moments the first steps are too large or too small, and the loss would be worse than before, not "
                "better."
            ),
            "b": "Another dropout mask makes the losses differ by noise, in both directions.",
            "c": (
                "The next step's weights are the saved ones, so the loss would go on where it was; a repeated warmup only slows "
                "the progress."
            ),
        },
    ),
    "quiz_cause": QuizKey(
        "a",
        {
            "b": "That was measured: the lower rate tamed the bad batches, and cost the short run about as much as they had.",
            "c": "Going back alone repeats the run to the last bit, bad batches included.",
            "d": "Skipping batches cures what batches did; a run whose rate is too hot diverges again on the others.",
        },
    ),
}
