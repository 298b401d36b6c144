"""You multiply by 2, as some implementations do: the published formula has no factor."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return 2.0 * d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
