"""You add 1 to the step: here steps count from 0, and the rate of step 0 is 0.0."""


def noam(step, *, d_model, warmup_steps):
    step += 1
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
