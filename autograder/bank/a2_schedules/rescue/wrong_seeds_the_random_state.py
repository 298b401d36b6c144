"""You seed the random generators by the way: the config's seed decides everything, and nothing else was to change."""

import random

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
        )

    random.seed(config.seed)
    return train(config, schedule=schedule)
