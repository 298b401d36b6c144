"""You import the course's scaler, which wraps PyTorch's: use the class that you wrote above."""

from stabilitylab import DynamicLossScaler, train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(config, scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)))
