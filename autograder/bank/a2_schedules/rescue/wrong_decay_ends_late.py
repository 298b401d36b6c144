"""You add the warmup to total_steps, so that the decay goes on past the end of the run: it ends at config.steps."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step,
            base_lr=config.lr,
            warmup_steps=config.steps // 2,
            total_steps=config.steps + config.steps // 2,
            min_lr=config.lr / 10,
        )

    return train(config, schedule=schedule)
