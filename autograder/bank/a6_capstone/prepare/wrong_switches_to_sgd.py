"""You change the optimizer: it is not yours to change. The rate and the loss scale are."""


def prepare(config):
    return config.replace(optimizer="sgd", lr=5e-3, loss_scale=1024.0)
