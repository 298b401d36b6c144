"""Keys of the quiz questions of a3_loss_scaling."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_small": QuizKey(
        "c",
        {
            "a": "1e-8 is less than half of fp16's smallest number, 2^-24 = 5.96e-8, and is rounded to 0.",
            "b": (
                "2^-25 lies exactly half way between 0 and fp16's smallest number, 2^-24; a tie goes to the even one, which is 0."
            ),
            "d": (
                "6.1e-5 is where full precision ends: below it fp16 goes on with fewer and fewer digits, down to 2^-24 = 5.96e-8."
            ),
        },
    ),
    "quiz_large": QuizKey(
        "a",
        {
            "b": "Rounding to nearest takes numbers below 65520 down to the largest one, 65504: inf begins at 65520.",
            "c": "fp16 does not saturate: what would round to more than 65504 becomes inf.",
            "d": "fp16 stops at 65504; there is no number beyond it but inf. It is bf16 that holds about 70000.",
        },
    ),
    "quiz_digits": QuizKey(
        "b",
        {
            "a": (
                "The sum is rounded after each addition, not once at the end: each time the result is the number it started from."
            ),
            "c": (
                "1 + 2^-11 lies half way between 1 and the next fp16 number, 1 + 2^-10; a tie goes to the even one, and that is "
                "1."
            ),
            "d": "2^-11 itself is an ordinary fp16 number; it is lost only when it is added to something 2048 times as large.",
        },
    ),
    "quiz_scale": QuizKey(
        "b",
        {
            "a": "8 times 1e-9 is 8e-9, still below 2^-25 = 2.98e-8, and is flushed to zero.",
            "c": "65536 times 10 is 655,360, far above 65504: the large gradient becomes inf.",
            "d": "The small gradient is safe, but 2^24 times 10 is far above 65504: the large one becomes inf.",
        },
    ),
    "quiz_bf16": QuizKey(
        "bd",
        {
            "a": (
                "Range comes from the exponent, and bf16 has as many exponent bits as fp32: 1e-9 is kept without any loss scale."
            ),
            "c": "65504 is fp16's limit; bf16 has fp32's range and stores 70000 as 70144.",
        },
    ),
}
