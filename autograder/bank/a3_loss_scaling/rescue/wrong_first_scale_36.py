"""You start at a scale of 36: it is 2.0**36."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=36.0, growth_interval=10)))
