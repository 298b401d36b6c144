"""Your function does nothing yet: return the learning rate of the step."""


def warmup_inverse_sqrt(step, *, base_lr, warmup_steps):
    pass
