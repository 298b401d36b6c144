"""You write 1e-2 into the schedule: the peak is config.lr, whatever it is."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(step, base_lr=1e-2, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=1e-3)

    return train(config, schedule=schedule)
