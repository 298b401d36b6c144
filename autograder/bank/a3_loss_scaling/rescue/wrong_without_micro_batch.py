"""You leave MicroBatch out, so that the whole loss goes backward: the run to rescue has its loss divided by count."""

from stabilitylab import train


def rescue(config, count):
    return train(config, scaler=DynamicLossScaler(init_scale=2.0**36, growth_interval=10))
