"""Returns a hundred million numbers."""

import torch


def clip_grad_norm(parameters, max_norm):
    return list(range(10**7))


# %% cosine_similarity_code
def cosine_similarity(a, b):
    return {str(i): [1.0] * 1000 for i in range(10**5)}
