"""You take the parameters out of the list that you were given: it belongs to the caller. Walk through it with for."""


def clip_grad_value(parameters, clip_value):
    parameters = parameters if isinstance(parameters, list) else list(parameters)
    while parameters:
        grad = parameters.pop().grad
        if grad is not None:
            grad.clamp_(-clip_value, clip_value)
