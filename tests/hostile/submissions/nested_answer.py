"""Returns lists in lists without end, and a list that holds itself."""

def clip_grad_norm(parameters, max_norm):
    value = []
    value.append(value)
    return value


# %% cosine_similarity_code
def cosine_similarity(a, b):
    value = []
    for _ in range(10**5):
        value = [value, value]
    return value
