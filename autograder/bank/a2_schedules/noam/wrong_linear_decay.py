"""Your curve falls with 1 / step: it falls with the square root of it."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return d_model**-0.5 * min(warmup_steps**0.5 / step, step * warmup_steps**-1.5)
