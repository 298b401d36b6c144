"""You count how often your function is called and ignore the step it is given: the loop may ask for any step, and more than
once."""

CALLS = {}


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    setting = base_lr, warmup_steps
    step = CALLS[setting] = CALLS.get(setting, -1) + 1
    return base_lr * min(step / warmup_steps, (warmup_steps / max(1, step)) ** 0.5)
