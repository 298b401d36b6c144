"""You keep the base_lr of the first call: it may be another one at the next."""

PEAK = []


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    PEAK.append(base_lr)
    return PEAK[0] * min(step / warmup_steps, (warmup_steps / max(1, step)) ** 0.5)
