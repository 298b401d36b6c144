"""You decay with 1 / step: take the square root of warmup_steps / step."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step < warmup_steps:
        return base_lr * step / warmup_steps
    return base_lr * warmup_steps / step
