"""You return the falling curve at every step: before step warmup_steps the rate is on the rising line."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return d_model**-0.5 * step**-0.5
