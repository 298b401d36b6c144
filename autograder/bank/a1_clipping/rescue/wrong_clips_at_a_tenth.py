"""You clip at 0.1: the limit asked for is 1.0."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=0.1), clip=clip_grad_norm)
