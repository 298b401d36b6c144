"""Keys of the quiz questions of a2_schedules."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_first_step": QuizKey(
        "b",
        {
            "a": (
                "The optimizer does run: Adam's averages take in the first gradient, although the weights are moved by 0 times "
                "the update."
            ),
            "c": (
                "The rate multiplies the update after the division by the root of the second moment: the result is 0, and "
                "nothing is divided by the rate."
            ),
            "d": (
                "Adam's update has about the same size whatever the gradient's size is, but it is multiplied by the rate, and 0 "
                "times anything is 0."
            ),
        },
    ),
    "quiz_noam": QuizKey(
        "c",
        {
            "a": (
                "That is what happens with a fixed base_lr and a line up to it; in Noam's formula the peak is where line and "
                "curve meet, and it depends on warmup_steps."
            ),
            "b": (
                "The slope of the line falls by more than a factor of 2, but the line is also longer: work out where it meets "
                "the curve."
            ),
            "d": (
                "The falling piece, d_model^-0.5 * step^-0.5, does not hold warmup_steps at all: it is warmup_inverse_sqrt "
                "whose late rates grow with the warmup."
            ),
        },
    ),
    "quiz_length": QuizKey(
        "a",
        {
            "b": (
                "An Adam whose moments were filled by 100 batches before it could move stalled all the same: the estimate of "
                "the second moment is not what was missing."
            ),
            "c": (
                "150 steps were enough in every seed of a run of 300: 4000 is the setting of one much longer run, not a "
                "threshold."
            ),
            "d": (
                "The run with 150 steps of warmup and a constant rate after it trains as well, and decay without warmup left "
                "most seeds stuck."
            ),
        },
    ),
    "quiz_range_test": QuizKey(
        "b",
        {
            "a": (
                "The steepest slope marks where learning begins in a sweep: in the recorded experiment it lay about 4 to 11 "
                "times below the best fixed rate."
            ),
            "c": (
                "The sweep sees each rate for one step; trained with for 150 steps, the rate of the lowest loss ended far above "
                "the best fixed rate."
            ),
            "d": "Where the sweep diverges is past the lowest loss, and already that rate is too hot to train with.",
        },
    ),
}
