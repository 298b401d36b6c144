"""With a Trainer instead of train."""

from stabilitylab import Trainer
from stabilitylab.experiments.precision.fp16_underflow import MicroBatch


def rescue(config, count):
    trainer = Trainer(config, scaler=MicroBatch(count, DynamicLossScaler(2.0**36, 2.0, 0.5, 10)))
    return trainer.result(list(trainer.steps()))
