"""You seed the random generators by the way: the config's seed decides everything, and nothing else was to change."""

import random

import torch

from stabilitylab import train


def rescue(config):
    random.seed(config.seed)
    torch.manual_seed(config.seed)
    return train(config.replace(clip_norm=1.0), clip=clip_grad_norm)
