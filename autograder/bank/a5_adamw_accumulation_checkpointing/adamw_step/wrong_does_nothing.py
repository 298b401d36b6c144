"""Your function does nothing yet: update both averages in state, and change the parameter in place."""


def adamw_step(parameter, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    pass
