"""You fix the scale at 2.0**36, which overflows at once and never falls: put your DynamicLossScaler inside MicroBatch."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.precision import StaticLossScaler
from stabilitylab.training import train


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, StaticLossScaler(2.0**36)))
