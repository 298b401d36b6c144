"""You warm up over a tenth of the run: half of it is asked for, and so short a warmup does not free the stuck run."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps // 10, total_steps=config.steps, min_lr=config.lr / 10
        )

    return train(config, schedule=schedule)
