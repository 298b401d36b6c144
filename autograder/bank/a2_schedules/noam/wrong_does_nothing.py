"""Your function does nothing yet: return the learning rate of the step."""


def noam(step, *, d_model, warmup_steps):
    pass
