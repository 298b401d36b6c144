"""At step 0 you compute 0^-0.5, a division by 0: return 0.0 there."""


def noam(step, *, d_model, warmup_steps):
    return d_model**-0.5 * min(step**-0.5, step * warmup_steps**-1.5)
