"""You run the config as it is, without any scaler: pass scaler=MicroBatch(count, your scaler) to train."""

from stabilitylab import train


def rescue(config, count):
    return train(config)
