"""You run the config as it is: give Trainer or train your function (clip=clip_grad_norm) and set clip_norm to 1.0."""

from stabilitylab import train


def rescue(config):
    return train(config)
