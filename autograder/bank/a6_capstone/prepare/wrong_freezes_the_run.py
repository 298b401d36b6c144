"""Your learning rate is so low that nothing breaks and nothing is learned: the budget is over long before the target."""


def prepare(config):
    return config.replace(lr=1e-5, loss_scale=1024.0)
