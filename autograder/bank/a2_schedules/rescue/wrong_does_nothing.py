"""Your function does nothing yet: return the run that train makes of the config with your schedule."""


def rescue(config):
    pass
