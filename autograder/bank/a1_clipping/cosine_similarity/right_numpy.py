"""With NumPy, and a NumPy number."""

import numpy as np


def cosine_similarity(grads_a, grads_b):
    a, b = (np.concatenate([g.numpy().ravel() for g in grads]) for grads in (grads_a, grads_b))
    return np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b))
