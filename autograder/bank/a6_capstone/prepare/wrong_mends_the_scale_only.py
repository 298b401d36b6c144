"""You mend the loss scale and keep the rate of 5e-2: clean gradients, and steps ten times too long."""


def prepare(config):
    return config.replace(loss_scale=1024.0)
