"""You leave growth_interval at 2000, so that the scale never grows in so short a run: the interval asked for is 10."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36)))
