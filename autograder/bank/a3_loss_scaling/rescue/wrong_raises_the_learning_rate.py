"""You raise the learning rate to make up for the lost gradients: what was flushed to zero stays zero. Leave the rate as it is."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    return train(
        config.replace(lr=3 * config.lr), scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    )
