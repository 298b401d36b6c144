"""You return the angle: return its cosine."""

import math


def cosine_similarity(grads_a, grads_b):
    dot = sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
    norms = [sum(float((x * x).sum()) for x in grads) ** 0.5 for grads in (grads_a, grads_b)]
    return math.acos(max(-1.0, min(1.0, dot / (norms[0] * norms[1]))))
