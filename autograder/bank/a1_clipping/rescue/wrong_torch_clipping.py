"""The loop used PyTorch's own clipping: set clip_norm to 1.0 and pass your function, clip=clip_grad_norm."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(clip_norm=1.0))
