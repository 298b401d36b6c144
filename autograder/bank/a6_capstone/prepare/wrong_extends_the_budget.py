"""You give the run more steps: the budget is fixed. Choose a rate that gets there within it."""


def prepare(config):
    return config.replace(lr=1e-3, loss_scale=1024.0, steps=4 * config.steps)
