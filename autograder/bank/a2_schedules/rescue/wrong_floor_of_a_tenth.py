"""You set min_lr to 0.1, as if it were a share of the peak: it is a learning rate, a tenth of config.lr."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=0.1)

    return train(config, schedule=schedule)
