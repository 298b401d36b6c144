"""You divide by COUNT whatever count is given: use the argument."""

from stabilitylab import train
from stabilitylab.exercises.a3_loss_scaling import COUNT
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(COUNT, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
