"""You count the falling curve from the end of the warmup: its step is that of the run."""


def noam(step, *, d_model, warmup_steps):
    if step <= warmup_steps:
        return d_model**-0.5 * step * warmup_steps**-1.5
    return d_model**-0.5 * (step - warmup_steps) ** -0.5
