"""You let the config warm up, with the course's own schedule: leave the config alone and give train yours."""

from stabilitylab import train


def rescue(config):
    return train(config.replace(warmup_steps=config.steps // 2, decay="cosine"))
