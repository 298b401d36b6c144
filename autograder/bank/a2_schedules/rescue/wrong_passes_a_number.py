"""train wants a function of the step alone, which it calls at every step: not a number, and not warmup_cosine itself, whose other
arguments are still missing."""

from stabilitylab import train


def rescue(config):
    rate = warmup_cosine(
        config.steps, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
    )
    return train(config, schedule=rate)
