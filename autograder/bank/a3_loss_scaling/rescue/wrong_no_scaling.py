"""You leave the loss scale at 1, and the gradients are flushed to zero as before: put your DynamicLossScaler inside MicroBatch."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.precision import StaticLossScaler
from stabilitylab.training import train


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, StaticLossScaler(1.0)))
