"""You pass the function but no limit: put it into the config, config.replace(clip_norm=1.0)."""

from stabilitylab import train


def rescue(config):
    return train(config, clip=clip_grad_norm)
