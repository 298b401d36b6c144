"""You switch to fp32: the exercise is to save the fp16 run."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(
        config.replace(dtype="fp32"), scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    )
