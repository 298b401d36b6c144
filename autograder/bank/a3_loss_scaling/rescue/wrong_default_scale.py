"""You start at the default scale, 65536: the first scale asked for is 2.0**36."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(growth_interval=10)))
