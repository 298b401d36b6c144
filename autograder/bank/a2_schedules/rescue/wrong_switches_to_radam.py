"""You change the optimizer: RAdam frees this run too, but the exercise is to do it with a warmup under Adam."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(optimizer="radam"))
