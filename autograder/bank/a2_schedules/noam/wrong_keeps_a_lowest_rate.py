"""You never return less than 1e-5: the curve falls for as long as the run goes on."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return max(1e-5, d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5))
