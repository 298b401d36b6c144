"""You treat step 0 as step 1, as some implementations do: here the rate of step 0 is 0.0."""


def noam(step, *, d_model, warmup_steps):
    step = max(step, 1)
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
