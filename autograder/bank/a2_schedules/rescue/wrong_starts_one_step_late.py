"""You ask your schedule for step + 1: the loop counts from 0, as your schedule does."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step + 1, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
        )

    return train(config, schedule=schedule)
