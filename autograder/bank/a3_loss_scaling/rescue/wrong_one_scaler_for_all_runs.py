"""You make one scaler for all runs, so that the second begins where the first ended: make it inside rescue."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch

SCALERS = []


def rescue(config, count):
    if not SCALERS:
        SCALERS.append(DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
    return train(config, scaler=MicroBatch(count, SCALERS[0]))
