"""Your line has warmup_steps^-0.5 in the place of warmup_steps^-1.5: it meets the curve at once, and there is no warmup to speak
of."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-0.5)
