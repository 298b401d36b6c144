"""You divide the tensors that you were given by their norm, in place: the cosine comes out right, and the caller's gradients are
spoilt. Compute with copies."""


def cosine_similarity(grads_a, grads_b):
    for grads in (grads_a, grads_b):
        norm = sum(float((g**2).sum()) for g in grads) ** 0.5
        for g in grads:
            g.div_(norm)
    return sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
