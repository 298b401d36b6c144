"""You start at the default scale, 65536: the first scale asked for is 2.0**36."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(growth_interval=10)))
