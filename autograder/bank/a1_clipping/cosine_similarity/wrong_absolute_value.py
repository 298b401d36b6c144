"""You drop the sign: opposite directions have cosine -1."""


def cosine_similarity(grads_a, grads_b):
    dot = sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
    norms = [sum(float((x * x).sum()) for x in grads) ** 0.5 for grads in (grads_a, grads_b)]
    return abs(dot) / (norms[0] * norms[1])
