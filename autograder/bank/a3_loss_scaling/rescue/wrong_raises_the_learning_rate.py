"""You raise the learning rate to make up for the lost gradients: what was flushed to zero stays zero. Leave the rate as it is."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(
        config.replace(lr=3 * config.lr), scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    )
