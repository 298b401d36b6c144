"""You add up the tensors' norms: the norm of the long vector is the root of the sum of their squares."""


def cosine_similarity(grads_a, grads_b):
    dot = sum(float((a * b).sum()) for a, b in zip(grads_a, grads_b))
    return dot / (sum(float(a.norm()) for a in grads_a) * sum(float(b.norm()) for b in grads_b))
