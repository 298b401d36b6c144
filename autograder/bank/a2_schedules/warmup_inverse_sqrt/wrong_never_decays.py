"""You hold base_lr after the warmup: it decays from there."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return base_lr * min(1.0, step / warmup_steps)
