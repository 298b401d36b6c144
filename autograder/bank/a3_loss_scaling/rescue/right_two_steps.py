"""The scaler first, then the run, with the config's default loss scale written out."""

from stabilitylab import train
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    own = DynamicLossScaler(growth_interval=10, init_scale=float(1 << 36))
    scaler = MicroBatch(count, own)
    run = train(config.replace(loss_scale=1.0), "rescued", scaler=scaler)
    return run
