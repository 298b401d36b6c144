"""You return the dot product: divide it by the product of the two norms."""


def cosine_similarity(grads_a, grads_b):
    return sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
