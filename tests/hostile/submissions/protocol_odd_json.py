"""Answers that are JSON and nothing anybody expects: huge numbers, deep nesting, wrong types."""

import json

lines = iter(
    [
        '{"value": 1' + "0" * 400 + "}",
        '{"value": NaN}',
        '{"value": ' + "[" * 900 + "]" * 900 + "}",
        '{"value": ' + "[" * 200000 + "}",
        '{"error": ["x"]}',
        '{"error": null, "value": {"tensor": [1]}}',
        '{"value": {"tensor": ["float32", [-1], []]}}',
        '{"value": {"dict": [["a"]]}}',
        "[]",
        "8",
        '"' + chr(0) + '"',
        '{"value": 1' + "0" * 5000 + "}",
    ]
    * 10
)
json.dumps = lambda *a, **k: next(lines)


def clip_grad_norm(parameters, max_norm):
    return 0.0


clip_grad_value = cosine_similarity = rescue = clip_grad_norm
answer_direction = answer_nan = answer_adam = "b"
