"""You switch to bf16: it would train too, but the exercise is to save the fp16 run."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(
        config.replace(dtype="bf16"), scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    )
