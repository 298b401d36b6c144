"""Your function does nothing yet: measure the global norm, rescale the gradients above max_norm, return the norm."""


def clip_grad_norm(parameters, max_norm):
    pass
