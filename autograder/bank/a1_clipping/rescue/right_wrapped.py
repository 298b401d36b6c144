"""Fixes the limit in a wrapper around the function."""

from stabilitylab import train


def rescue(config):
    return train(
        config.replace(clip_norm=1.0), label="rescued", clip=lambda parameters, max_norm: clip_grad_norm(parameters, 1.0)
    )
