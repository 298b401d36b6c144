"""You use a fixed scale, which neither backs off nor grows: put your DynamicLossScaler inside MicroBatch."""

from stabilitylab import StaticLossScaler, train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, StaticLossScaler(2.0**16)))
