"""You decay to 0: the decay ends at a tenth of the peak, min_lr = config.lr / 10."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps)

    return train(config, schedule=schedule)
