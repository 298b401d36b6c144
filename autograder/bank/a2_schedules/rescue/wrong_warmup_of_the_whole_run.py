"""You warm up until the end: the warmup takes the first half of the run, and the second half is the decay."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps, total_steps=2 * config.steps, min_lr=config.lr / 10
        )

    return train(config, schedule=schedule)
