"""With functools.partial."""

from functools import partial

from stabilitylab import train


def rescue(config):
    fixed = dict(base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10)
    return train(config, label="freed", schedule=partial(warmup_cosine, **fixed))
