"""Your function does nothing yet: return the cosine of the angle between the two long vectors."""


def cosine_similarity(grads_a, grads_b):
    pass
