"""You divide by the squared norms: take their roots first."""


def cosine_similarity(grads_a, grads_b):
    dot = sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
    return dot / (sum(float((a * a).sum()) for a in grads_a) * sum(float((b * b).sum()) for b in grads_b))
