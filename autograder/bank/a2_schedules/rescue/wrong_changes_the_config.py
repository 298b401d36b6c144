"""You lower the learning rate of the config: leave it as it is, and change the schedule only."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(lr=config.lr / 10))
