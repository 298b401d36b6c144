"""You clip as well: nothing but the scaler is to be added."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    return train(
        config.replace(clip_norm=1.0), scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    )
