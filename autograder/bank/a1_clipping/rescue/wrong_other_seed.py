"""You train with a seed of your own: leave the config's."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=1.0, seed=0), clip=clip_grad_norm)
