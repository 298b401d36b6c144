"""The scaler first, then the run, with the config's default loss scale written out."""

from stabilitylab.experiments.fp16_underflow import MicroBatch
from stabilitylab.training import train


def rescue(config, count):
    own = DynamicLossScaler(growth_interval=10, init_scale=float(1 << 36))
    scaler = MicroBatch(count, own)
    run = train(config.replace(loss_scale=1.0), "rescued", scaler=scaler)
    return run
