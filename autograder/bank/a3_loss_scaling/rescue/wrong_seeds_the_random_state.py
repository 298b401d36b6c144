"""You seed the random generators by the way: the config's seed decides everything, and nothing else was to change."""

import torch

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    torch.manual_seed(config.seed)
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
