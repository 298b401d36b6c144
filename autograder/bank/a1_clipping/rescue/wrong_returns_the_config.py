"""You return the changed config: return the run that train makes of it."""


def rescue(config):
    return config.replace(clip_norm=1.0)
