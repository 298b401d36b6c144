"""Your function does nothing yet: return the run that train makes of the config with your scaler inside MicroBatch."""


def rescue(config, count):
    pass
