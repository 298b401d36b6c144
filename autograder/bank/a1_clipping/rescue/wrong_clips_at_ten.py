"""You clip at 10.0: the limit asked for is 1.0."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=10.0), clip=clip_grad_norm)
