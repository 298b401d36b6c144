"""You run the config as it is: give train your schedule, schedule=..., a function of the step."""

from stabilitylab import train


def rescue(config):
    return train(config)
