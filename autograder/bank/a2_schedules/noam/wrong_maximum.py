"""You take the larger of the two pieces: that is the line after the warmup and the curve before it. Take the smaller."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return d_model**-0.5 * max(step**-0.5, step * warmup_steps**-1.5)
