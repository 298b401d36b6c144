"""You divide by COUNT whatever count is given: use the argument."""

from stabilitylab.exercises.a3_loss_scaling import COUNT
from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    return train(config, scaler=MicroBatch(COUNT, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
