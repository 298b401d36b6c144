"""With two masks."""


def clip_grad_value(parameters, clip_value):
    for p in list(parameters):
        g = p.grad
        if g is not None:
            g[g > clip_value] = clip_value
            g[g < -clip_value] = -clip_value
