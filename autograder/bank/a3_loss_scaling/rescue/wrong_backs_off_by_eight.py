"""You back off by a factor of 8 to get there sooner: the factors are the default ones."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    scaler = DynamicLossScaler(init_scale=2.0**36, backoff_factor=0.125, growth_interval=10)
    return train(config, scaler=MicroBatch(count, scaler))
