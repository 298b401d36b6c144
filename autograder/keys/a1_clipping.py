"""Keys of the quiz questions of a1_clipping."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_direction": QuizKey(
        "c",
        {
            "a": (
                "Cutting each element at a limit is value clipping: it bends the direction; norm clipping multiplies all "
                "elements by one factor."
            ),
            "b": (
                "One factor is computed from the global norm over all layers; a factor per layer would change their balance and "
                "so the direction."
            ),
            "d": (
                "max_norm is a limit on the length of the whole gradient, not a length every gradient is given: shorter ones "
                "stay as they are."
            ),
        },
    ),
    "quiz_nan": QuizKey(
        "d",
        {
            "a": (
                "Nothing in the arithmetic looks at single elements: the norm is inf, the factor 1 / inf is 0, and inf times 0 "
                "is NaN."
            ),
            "b": (
                "Multiplying inf by the factor 0 gives NaN, not 0, so the bad element survives, and the good ones are wiped out."
            ),
            "c": (
                "Only a NaN makes everything NaN: an inf gives the factor 0, so finite elements become 0 and the infinite one "
                "NaN."
            ),
        },
    ),
    "quiz_adam": QuizKey(
        "b",
        {
            "a": (
                "Adam divides by the gradient's recent size, so shrinking every gradient by the same factor leaves its update "
                "nearly unchanged."
            ),
            "c": (
                "The scale of the gradient divides out, but clipping still reweights steps against each other: a spike counts "
                "for less in Adam's averages."
            ),
            "d": "The stuck run has finite numbers throughout; clipping neither makes nor cures NaN there.",
        },
    ),
}
