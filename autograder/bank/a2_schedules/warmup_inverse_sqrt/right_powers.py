"""With powers."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    if step <= warmup_steps:
        return step * base_lr / warmup_steps
    return base_lr * warmup_steps**0.5 * step**-0.5
