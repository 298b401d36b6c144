"""You train UNDERFLOWING whatever config is given: use the argument."""

from stabilitylab import train
from stabilitylab.exercises.a3_loss_scaling import UNDERFLOWING
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    return train(
        UNDERFLOWING.replace(steps=config.steps),
        scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)),
    )
