"""You divide by d_model: divide by its square root."""


def noam(step, *, d_model, warmup_steps):
    if step == 0:
        return 0.0
    return min(step**-0.5, step * warmup_steps**-1.5) / d_model
