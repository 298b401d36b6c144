"""You lower the learning rate: the exercise is to keep it, and to clip."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(lr=config.lr / 30))
