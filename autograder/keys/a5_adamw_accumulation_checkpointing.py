"""Keys of the quiz questions of a5_adamw_accumulation_checkpointing."""

from autograder.keys import QuizKey

QUIZ = {
    "quiz_decay": QuizKey(
        "c",
        {
            "a": (
                "The two are the same for plain SGD; under Adam the L2 term is divided by the root of the second moment like "
                "the rest of the gradient."
            ),
            "b": (
                "It is the other way round: the larger a weight's gradients, the larger the number its L2 term is divided by, "
                "and the less it decays."
            ),
            "d": (
                "AdamW's decay never passes through the moments: each step takes the share lr * weight_decay of every weight, "
                "whatever its gradients."
            ),
        },
    ),
    "quiz_accumulation": QuizKey(
        "b",
        {
            "a": "Nothing is updated between the micro-batches: eight of them make one step, not eight smaller ones.",
            "c": (
                "The noise of independent micro-batches partly cancels in their mean: eight times as many rows leave an eighth "
                "of the variance."
            ),
            "d": "The gradient is that of one large batch, to rounding; there is no error that accumulates.",
        },
    ),
    "quiz_clip": QuizKey(
        "d",
        {
            "a": (
                "That cuts what has been accumulated so far, again and again: earlier micro-batches then count for less than "
                "later ones, and the direction changes."
            ),
            "b": (
                "The sum then stays within 1.0, but a share longer than 1/8 is shortened even where the whole is within the "
                "limit, which changes length and direction."
            ),
            "c": (
                "The sum is longer than the mean by the number of tokens: clipped first and divided afterwards, the gradient "
                "ends tiny."
            ),
        },
    ),
    "quiz_checkpointing": QuizKey(
        "a",
        {
            "b": (
                "The recomputation repeats the same operations on the same numbers, dropout included if the random state is "
                "restored: the gradients are equal."
            ),
            "c": "Only activations are dropped: weights, gradients and Adam's two moments take what they took before.",
            "d": "The backward pass itself runs once; what runs twice is the forward pass, about a third of a step's operations.",
        },
    ),
}
