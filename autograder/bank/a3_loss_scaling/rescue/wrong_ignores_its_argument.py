"""You train UNDERFLOWING whatever config is given: use the argument."""

from stabilitylab.exercises.a3_loss_scaling import UNDERFLOWING
from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    return train(
        UNDERFLOWING.replace(steps=config.steps),
        scaler=MicroBatch(count, DynamicLossScaler(init_scale=2.0**36, growth_interval=10)),
    )
