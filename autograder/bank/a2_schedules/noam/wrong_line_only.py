"""You return the rising line at every step: after step warmup_steps the rate is on the falling curve."""


def noam(step, *, d_model, warmup_steps):
    return d_model**-0.5 * step * warmup_steps**-1.5
