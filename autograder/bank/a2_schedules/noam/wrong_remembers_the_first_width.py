"""You keep the width of the first call: it may be another one at the next."""

WIDTH = []


def noam(step, *, d_model, warmup_steps):
    WIDTH.append(d_model)
    if step == 0:
        return 0.0
    return WIDTH[0] ** -0.5 * min(step**-0.5, step * warmup_steps**-1.5)
