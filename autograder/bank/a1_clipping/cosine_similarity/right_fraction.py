"""With fractions, which do not round, up to the root."""

from fractions import Fraction


def cosine_similarity(grads_a, grads_b):
    a, b = ([Fraction(x) for g in grads for x in g.flatten().tolist()] for grads in (grads_a, grads_b))
    product = sum(x * y for x, y in zip(a, b))
    squared = product**2 / (sum(x * x for x in a) * sum(y * y for y in b))
    return Fraction(float(squared) ** 0.5) * (1 if product > 0 else -1)
