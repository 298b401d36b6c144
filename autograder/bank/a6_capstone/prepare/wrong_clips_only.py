"""You only clip: Adam divides the length of the gradient out again, and no limit brings back what overflowed or was flushed."""


def prepare(config):
    return config.replace(clip_norm=1.0)
