"""You return the config as it came: change the rate and the loss scale."""


def prepare(config):
    return config
