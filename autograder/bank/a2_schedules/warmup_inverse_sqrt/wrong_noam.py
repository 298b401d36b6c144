"""You return the formula of Vaswani et al. without the width: its peak is base_lr / sqrt(warmup_steps), and here it must be
base_lr."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    return base_lr * min(step**-0.5, step * warmup_steps**-1.5) if step else 0.0
