"""You leave the loss scale at 1, and the gradients are flushed to zero as before: put your DynamicLossScaler inside
MicroBatch."""

from stabilitylab import StaticLossScaler, train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, StaticLossScaler(1.0)))
