"""You lower the peak as well: the exercise is to keep it, and to warm up to it."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr / 10, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 100
        )

    return train(config, schedule=schedule)
