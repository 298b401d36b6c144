"""You warm up to d_model^-0.5: the peak of the published formula has a factor of warmup_steps^-0.5 as well, without which it is
sqrt(warmup_steps) times too high."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return d_model**-0.5 * min((warmup_steps / step) ** 0.5, step / warmup_steps)
