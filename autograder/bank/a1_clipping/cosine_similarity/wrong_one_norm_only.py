"""You divide by one of the norms: divide by the product of both."""


def cosine_similarity(grads_a, grads_b):
    dot = sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
    return dot / sum(float((a * a).sum()) for a in grads_a) ** 0.5
