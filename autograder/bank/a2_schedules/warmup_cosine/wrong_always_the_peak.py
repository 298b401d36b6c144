"""You return base_lr at every step: the rate depends on the step, first along a line and then along a cosine."""


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    return base_lr
