"""One expression that takes hours inside C, where no Python signal handler runs."""

def clip_grad_norm(parameters, max_norm):
    return 10 ** (10**9) % 7
