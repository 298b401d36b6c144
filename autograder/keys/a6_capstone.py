"""Keys of the quiz questions of a6_capstone."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_first": QuizKey(
        "b",
        {
            "a": (
                "The norm of such a gradient is inf, and the factor 0: good elements become 0, and inf times 0 is NaN. Clipping "
                "is no protection here."
            ),
            "c": "No rate helps: Adam divides inf by inf, and a small number times NaN is NaN.",
            "d": "By the next step this update has turned the weights into NaN, and there is nothing left to learn from.",
        },
    ),
    "quiz_skip": QuizKey(
        "d",
        {
            "a": (
                "Adam divides by the gradient's recent size: a limit that shrinks every gradient alike divides out, and the bad "
                "update stays as long as the good ones."
            ),
            "b": "One factor for all elements bends nothing; that the direction stays is the very trouble, for here it is wrong.",
            "c": (
                "A skipped step is spent like any other: skipping costs budget, and pays because the update it leaves out would "
                "have cost more."
            ),
        },
    ),
    "quiz_proof": QuizKey(
        "a",
        {
            "b": (
                "An assertion runs in the process that is to be checked: whatever could change the number could change the "
                "comparison too."
            ),
            "c": (
                "A checkpoint shows good weights, not how they came about: more steps, other data or another seed would show "
                "the same."
            ),
            "d": "A log is written by the run that is to be checked; however detailed, it is its author's word.",
        },
    ),
}
