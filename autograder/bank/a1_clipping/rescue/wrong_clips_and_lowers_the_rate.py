"""You clip, and lower the learning rate as well: clipping alone is what is on trial."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=1.0, lr=config.lr / 10), clip=clip_grad_norm)
